from django.db import migrations

FILL = """
INSERT INTO memory_unsettledspan (tenant_id, id, user_id, thread_id, after_at, after_id, until_at, due_at)
SELECT '{tenant}'::uuid, gen_random_uuid(), user_id, thread_id, min(occurred_at),
    '00000000-0000-0000-0000-000000000000', max(occurred_at), now()
FROM memory_event WHERE tenant_id = '{tenant}' GROUP BY user_id, thread_id
"""


def fill(apps, schema_editor):
    """What was there before episodes were made by themselves. Row-level security shows one tenant's rows at a time."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        for tenant_id in list(apps.get_model("tenants", "Tenant").objects.values_list("id", flat=True)):
            cursor.execute(f"SET LOCAL memgraph.tenant_id = '{tenant_id}'")
            cursor.execute(FILL.format(tenant=tenant_id))


class Migration(migrations.Migration):
    dependencies = [("memory", "0009_note_where_episodes_come_from"), ("tenants", "0001_create_tenant")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
