from django.db import migrations

TABLES = ["memory_event", "memory_belief", "memory_episode"]

# FORCE: the role that serves also owns the tables, and an owner is exempt otherwise.
WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON {table}
    USING (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid);
"""
OPEN = """
DROP POLICY own_tenant ON {table};
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("memory", "0001_create_event_belief_episode")]

    operations = [migrations.RunSQL(WALL.format(table=table), reverse_sql=OPEN.format(table=table)) for table in TABLES]
