from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("memory", "0010_mark_all_events_as_unsettled"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(
                condition=models.Q(("ended_at", None)),
                fields=["tenant", "belief_type", "id"],
                name="belief_active_by_type",
            ),
        ),
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("domain__isnull", False)),
                fields=["tenant", "domain", "id"],
                name="belief_active_by_domain",
            ),
        ),
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("written_by_key__isnull", False)),
                fields=["tenant", "written_by_key", "id"],
                name="belief_active_by_writing_key",
            ),
        ),
        migrations.AddIndex(
            model_name="belief",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("written_by_user__isnull", False)),
                fields=["tenant", "written_by_user", "id"],
                name="belief_active_by_writing_user",
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                fields=["tenant", "consolidation_status", "started_at", "id"], name="episode_by_consolidation"
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("agent_id__isnull", False)),
                fields=["tenant", "agent_id", "started_at", "id"],
                name="episode_by_agent",
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("thread_id__isnull", False)),
                fields=["tenant", "thread_id", "started_at", "id"],
                name="episode_by_thread",
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("outcome__isnull", False)),
                fields=["tenant", "outcome", "started_at", "id"],
                name="episode_by_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("written_by_key__isnull", False)),
                fields=["tenant", "written_by_key", "started_at", "id"],
                name="episode_by_writing_key",
            ),
        ),
        migrations.AddIndex(
            model_name="episode",
            index=models.Index(
                condition=models.Q(("written_by_user__isnull", False)),
                fields=["tenant", "written_by_user", "started_at", "id"],
                name="episode_by_writing_user",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["tenant", "event_type", "occurred_at", "id"], name="event_by_type"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("agent_id__isnull", False)),
                fields=["tenant", "agent_id", "occurred_at", "id"],
                name="event_by_agent",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("written_by_key__isnull", False)),
                fields=["tenant", "written_by_key", "occurred_at", "id"],
                name="event_by_writing_key",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("written_by_user__isnull", False)),
                fields=["tenant", "written_by_user", "occurred_at", "id"],
                name="event_by_writing_user",
            ),
        ),
    ]
