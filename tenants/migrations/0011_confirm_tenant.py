from django.db import migrations

# `refuse_authority` ends the transaction with the code of a refusal. VOLATILE, as all functions that confirm: so each
# statement inside sees what was committed while the one before it waited for its lock.
CREATE = """
CREATE FUNCTION refuse_authority(code text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'MG001', MESSAGE = code;
END $$;

CREATE FUNCTION has_role(has text, needs text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position('{viewer,editor,admin}', has) >= array_position('{viewer,editor,admin}', needs)
$$;

CREATE FUNCTION confirm_tenant(wanted uuid) RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(uuid_hash_extended(wanted, 0));
    PERFORM FROM tenants_tenant WHERE id = wanted AND suspended_at IS NULL;
    IF NOT FOUND THEN
        PERFORM refuse_authority('tenant_suspended');
    END IF;
    RETURN NULL;
END $$;
"""
DROP = """
DROP FUNCTION confirm_tenant(uuid);
DROP FUNCTION has_role(text, text);
DROP FUNCTION refuse_authority(text);
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0010_add_rate_limit_cap")]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]
