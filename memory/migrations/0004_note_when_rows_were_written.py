import django.db.models.functions.datetime
from django.db import migrations, models

TABLES = ["memory_event", "memory_belief", "memory_episode"]

# An owner is not exempt from row-level security here, and would update nothing.
FILL = """
ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;
UPDATE {table} SET written_at = created_at;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("memory", "0003_note_confirmations")]

    operations = [
        *(
            migrations.AddField(
                model_name=model,
                name="written_at",
                field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
            )
            for model in ("event", "belief", "episode")
        ),
        *(migrations.RunSQL(FILL.format(table=table), migrations.RunSQL.noop) for table in TABLES),
    ]
