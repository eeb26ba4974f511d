from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("memory", "0004_note_when_rows_were_written")]

    operations = [
        migrations.RemoveConstraint(model_name="belief", name="belief_one_active"),
        migrations.AddConstraint(
            model_name="belief",
            constraint=models.UniqueConstraint(
                fields=("tenant", "subject_id", "key"), condition=models.Q(("ended_at", None)), name="belief_one_active"
            ),
        ),
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(fields=["tenant", "id"], condition=models.Q(("ended_at", None)), name="belief_active"),
        ),
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(
                fields=["tenant", "subject_id", "id"],
                condition=models.Q(("ended_at", None)),
                name="belief_active_by_subject",
            ),
        ),
    ]
