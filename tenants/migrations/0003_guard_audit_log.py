from django.db import migrations

GUARD = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('memgraph.audit_deletion', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON tenants_auditentry
    FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON tenants_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- The one way to remove rows: retention (up to a number) and the deletion of a tenant (up_to is null).
CREATE FUNCTION delete_audit_entries(of_tenant uuid, up_to bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE deleted bigint;
BEGIN
    PERFORM set_config('memgraph.audit_deletion', 'on', true);
    DELETE FROM tenants_auditentry WHERE tenant_id = of_tenant AND (up_to IS NULL OR number <= up_to);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('memgraph.audit_deletion', 'off', true);
    RETURN deleted;
END $$;
"""
UNGUARD = """
DROP FUNCTION delete_audit_entries(uuid, bigint);
DROP TRIGGER audit_no_truncate ON tenants_auditentry;
DROP TRIGGER audit_append_only ON tenants_auditentry;
DROP FUNCTION refuse_audit_change();
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_create_audit_log")]

    operations = [migrations.RunSQL(GUARD, reverse_sql=UNGUARD)]
