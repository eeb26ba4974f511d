import django.db.models.deletion
from django.db import migrations, models

import tenants.ids

# FORCE: the role that serves also owns the table, and an owner is exempt otherwise.
WALL = """
ALTER TABLE memory_unsettledspan ENABLE ROW LEVEL SECURITY;
ALTER TABLE memory_unsettledspan FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON memory_unsettledspan
    USING (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = NULLIF(current_setting('memgraph.tenant_id', true), '')::uuid);
"""
OPEN = """
DROP POLICY own_tenant ON memory_unsettledspan;
ALTER TABLE memory_unsettledspan NO FORCE ROW LEVEL SECURITY;
ALTER TABLE memory_unsettledspan DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("memory", "0008_fill_tallies")]

    operations = [
        migrations.AddField(
            model_name="episode",
            name="derived",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="episode",
            name="summary_kind",
            field=models.CharField(
                choices=[("given", "Given"), ("extractive", "Extractive")],
                db_default="given",
                default="given",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("derived", True)),
                fields=["tenant", "user_id", "thread_id", "started_at"],
                name="episode_derived_by_stream",
            ),
        ),
        migrations.CreateModel(
            name="UnsettledSpan",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("id", models.UUIDField(default=tenants.ids.new_id, editable=False)),
                ("user_id", models.CharField(max_length=255)),
                ("thread_id", models.CharField(max_length=255, null=True)),
                ("after_at", models.DateTimeField()),
                ("after_id", models.UUIDField()),
                ("until_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
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
            options={
                "indexes": [
                    models.Index(fields=["tenant", "due_at"], name="span_by_due_time"),
                    models.Index(fields=["tenant", "user_id", "thread_id", "after_at"], name="span_by_stream"),
                ],
            },
        ),
        migrations.RunSQL(WALL, OPEN),
    ]
