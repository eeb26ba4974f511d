from django.db import migrations, models

# A number that grows is had for nothing, and keeps its index in order: a random UUID took a third of noting a span.
NUMBER = """
ALTER TABLE memory_unsettledspan DROP CONSTRAINT memory_unsettledspan_pkey, DROP COLUMN id;
ALTER TABLE memory_unsettledspan ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY, ADD PRIMARY KEY (tenant_id, id);
"""
NAME = """
ALTER TABLE memory_unsettledspan DROP CONSTRAINT memory_unsettledspan_pkey, DROP COLUMN id;
ALTER TABLE memory_unsettledspan ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(), ADD PRIMARY KEY (tenant_id, id);
ALTER TABLE memory_unsettledspan ALTER COLUMN id DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [("memory", "0011_index_every_filter")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(NUMBER, NAME)],
            state_operations=[
                migrations.AlterField("unsettledspan", "id", models.BigIntegerField(editable=False)),
            ],
        )
    ]
