from django.db import migrations

# Whoever runs a DELETE may set a variable before it; only a call stack can't be made up.
REFUSE = """
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF TG_OP = 'DELETE' AND stack LIKE '%function delete_audit_entries(uuid,bigint,timestamp with time zone)%' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;
"""
REFUSE_BEFORE = """
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('memgraph.audit_deletion', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only.' USING ERRCODE = 'insufficient_privilege';
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0006_prune_all_audit_rows")]

    operations = [migrations.RunSQL(REFUSE, reverse_sql=REFUSE_BEFORE)]
