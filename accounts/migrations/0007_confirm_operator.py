from django.db import migrations

# Repeats the checks of an operator's session before a write commits: see `tenants/authority.py`. Django's sign-out
# deletes the session's row without an advisory lock, so the row is locked too. Operators are few, so this costs little.
CREATE = """
CREATE FUNCTION confirm_operator(wanted uuid, of_session text) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(uuid_hash_extended(wanted, 0));
    PERFORM FROM accounts_operatorsession s JOIN accounts_user u ON u.id = s.user_id
    WHERE s.session_key = of_session AND u.id = wanted AND u.is_staff AND u.is_active
    AND s.expire_date > clock_timestamp()
    FOR KEY SHARE OF s;
    IF NOT FOUND THEN
        PERFORM refuse_authority('session_ended');
    END IF;
    RETURN NULL;
END $$;
"""
DROP = "DROP FUNCTION confirm_operator(uuid, text);"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_confirm_session")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]
