from django.db import migrations

FILL = """
INSERT INTO memory_enduser (tenant_id, name)
SELECT '{tenant}'::uuid, user_id FROM memory_event WHERE tenant_id = '{tenant}'
UNION SELECT '{tenant}'::uuid, subject_id FROM memory_belief WHERE tenant_id = '{tenant}'
UNION SELECT '{tenant}'::uuid, user_id FROM memory_episode WHERE tenant_id = '{tenant}';
INSERT INTO memory_tally (tenant_id, day, slot, events, beliefs, episodes, users)
SELECT '{tenant}'::uuid, (occurred_at AT TIME ZONE 'UTC')::date AS day, 0, count(*), 0, 0, 0
FROM memory_event WHERE tenant_id = '{tenant}' AND occurred_at >= '0001-01-02Z' GROUP BY 2;
INSERT INTO memory_tally (tenant_id, day, slot, events, beliefs, episodes, users)
SELECT '{tenant}'::uuid, '0001-01-01'::date, 0,
    (SELECT count(*) FROM memory_event WHERE tenant_id = '{tenant}'),
    (SELECT count(*) FROM memory_belief WHERE tenant_id = '{tenant}' AND ended_at IS NULL),
    (SELECT count(*) FROM memory_episode WHERE tenant_id = '{tenant}'),
    (SELECT count(*) FROM memory_enduser WHERE tenant_id = '{tenant}');
"""


def fill(apps, schema_editor):
    """Row-level security shows one tenant's rows at a time."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for tenant_id in list(apps.get_model("tenants", "Tenant").objects.values_list("id", flat=True)):
            cursor.execute(f"SET LOCAL memgraph.tenant_id = '{tenant_id}'")
            for statement in FILL.format(tenant=tenant_id).split(";\n")[:-1]:
                cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("memory", "0007_create_tallies"), ("tenants", "0001_create_tenant")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
