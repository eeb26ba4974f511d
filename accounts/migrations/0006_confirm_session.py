from django.db import migrations

# Repeats authentication's checks of a session before a write commits: see `tenants/authority.py`.
CREATE = """
CREATE FUNCTION confirm_session(
    wanted uuid, of_person uuid, of_tenant uuid, needs text, may_be_suspended boolean
) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    locked boolean;
    refusal text;
    until timestamptz;
BEGIN
    locked := pg_advisory_xact_lock_shared(uuid_hash_extended(of_person, 0)) IS NULL;
    locked := pg_advisory_xact_lock_shared(uuid_hash_extended(of_tenant, 0)) IS NULL;
    SELECT s.expires_at, CASE
        WHEN s.ended_at IS NOT NULL OR NOT u.is_active THEN 'session_ended'
        WHEN s.expires_at <= clock_timestamp() THEN 'token_expired'
        WHEN t.suspended_at IS NOT NULL AND NOT may_be_suspended THEN 'tenant_suspended'
        WHEN NOT has_role(u.role, needs) THEN 'role_required'
    END
    INTO until, refusal
    FROM accounts_session s
    JOIN accounts_user u ON u.id = s.user_id AND u.tenant_id = s.tenant_id
    JOIN tenants_tenant t ON t.id = s.tenant_id
    WHERE s.id = wanted AND s.user_id = of_person AND s.tenant_id = of_tenant;
    IF NOT FOUND THEN
        refusal := 'session_ended';
    END IF;
    IF refusal IS NOT NULL THEN
        PERFORM refuse_authority(refusal);
    END IF;
    RETURN until;
END $$;
"""
DROP = "DROP FUNCTION confirm_session(uuid, uuid, uuid, text, boolean);"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_end_old_operator_sessions"),
        ("tenants", "0011_confirm_tenant"),
    ]

    operations = [migrations.RunSQL(CREATE, reverse_sql=DROP)]
