from django.db import migrations

# Without a tenant's row there is no chain: who acts in a tenant that is being deleted fails, and leaves no row behind.
# Checked at the end of the transaction, and never by whoever only appends.
BIND = """
ALTER TABLE tenants_audithead ADD CONSTRAINT audit_head_of_tenant
    FOREIGN KEY (tenant_id) REFERENCES tenants_tenant (id) DEFERRABLE INITIALLY DEFERRED;
"""
UNBIND = "ALTER TABLE tenants_audithead DROP CONSTRAINT audit_head_of_tenant;"

DROP = "DROP FUNCTION delete_audit_entries({arguments});"
CREATE = """
-- The one way to remove rows: retention (of a tenant up to a number, of no tenant up to a moment) and the deletion of a
-- tenant (no bound).
CREATE FUNCTION delete_audit_entries(of_tenant uuid, up_to bigint, older_than timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE deleted bigint;
BEGIN
    IF of_tenant IS NULL AND older_than IS NULL THEN
        RAISE EXCEPTION 'Of the rows of no tenant, only old ones are deleted.';
    END IF;
    PERFORM set_config('memgraph.audit_deletion', 'on', true);
    DELETE FROM tenants_auditentry
    WHERE (of_tenant IS NOT NULL AND tenant_id = of_tenant AND (up_to IS NULL OR number <= up_to))
       OR (of_tenant IS NULL AND tenant_id IS NULL AND at < older_than);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('memgraph.audit_deletion', 'off', true);
    RETURN deleted;
END $$;
"""
CREATE_BEFORE = """
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
OLD, NEW = DROP.format(arguments="uuid, bigint"), DROP.format(arguments="uuid, bigint, timestamptz")


class Migration(migrations.Migration):
    dependencies = [("tenants", "0005_unlog_counter")]

    operations = [
        migrations.RunSQL(OLD + CREATE, reverse_sql=NEW + CREATE_BEFORE),
        migrations.RunSQL(BIND, reverse_sql=UNBIND),
    ]
