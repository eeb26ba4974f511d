import django.db.models.deletion
from django.db import migrations, models

# FORCE: the role that serves also owns the tables, and an owner is exempt otherwise.
WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON {table}
    USING (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid);
"""
OPEN = "DROP POLICY own_tenant ON {table}"
# Its few rows are updated all the time: with room beside them, that touches no index.
ROOM = "ALTER TABLE memory_tally SET (fillfactor = 50)"


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0006_count_recalls"),
        ("tenants", "0008_name_forgotten_beliefs"),
    ]

    operations = [
        migrations.CreateModel(
            name="EndUser",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "name", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "day", "slot", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("slot", models.SmallIntegerField()),
                ("events", models.BigIntegerField()),
                ("beliefs", models.BigIntegerField()),
                ("episodes", models.BigIntegerField()),
                ("users", models.BigIntegerField()),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
        ),
        *(
            migrations.RunSQL(WALL.format(table=table), OPEN.format(table=table))
            for table in ("memory_enduser", "memory_tally")
        ),
        migrations.RunSQL(ROOM, migrations.RunSQL.noop),
    ]
