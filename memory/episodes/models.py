from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from memory.records import AUTHORS, NAME_LENGTH, Counting, Remembered, filter_index
from tenants.models import Tenant, TenantQuerySet


class EpisodeQuerySet(TenantQuerySet["Episode"]):
    pass


class Episode(Remembered):
    """Events of one user that belong together, with a summary.

    `building.py` creates derived episodes from session windows. An episode stays derived when a person rewrites its
    summary.
    """

    COLUMNS = (
        "id",
        "user_id",
        "agent_id",
        "thread_id",
        "summary",
        "tags",
        "outcome",
        "consolidation_status",
        "started_at",
        "ended_at",
        "event_ids",
        "summary_kind",
        "derived",
        "created_at",
        *AUTHORS,
    )
    COUNTING = Counting("episodes", user="user_id")

    class Outcome(models.TextChoices):
        COMPLETED = "completed"
        ABANDONED = "abandoned"
        ESCALATED = "escalated"

    class Consolidation(models.TextChoices):
        PENDING = "pending"
        PROCESSING = "processing"
        CONSOLIDATED = "consolidated"

    class SummaryKind(models.TextChoices):
        GIVEN = "given"
        EXTRACTIVE = "extractive"

    user_id = models.CharField(max_length=NAME_LENGTH)
    agent_id = models.CharField(max_length=NAME_LENGTH, null=True)
    thread_id = models.CharField(max_length=NAME_LENGTH, null=True)
    summary = models.TextField()
    summary_kind = models.CharField(
        max_length=10, choices=SummaryKind.choices, default=SummaryKind.GIVEN, db_default=SummaryKind.GIVEN
    )
    derived = models.BooleanField(default=False, db_default=False)
    tags = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, null=True)
    consolidation_status = models.CharField(max_length=12, choices=Consolidation.choices, default=Consolidation.PENDING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    event_ids = ArrayField(models.UUIDField(), default=list, blank=True)

    objects = EpisodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="episode_ends_after_start"
            )
        ]
        indexes = [
            models.Index(fields=["tenant", "started_at", "id"], name="episode_by_time"),
            models.Index(fields=["tenant", "user_id", "started_at", "id"], name="episode_by_user"),
            models.Index(
                fields=["tenant", "consolidation_status", "started_at", "id"], name="episode_by_consolidation"
            ),
            filter_index("agent_id", ["started_at", "id"], name="episode_by_agent"),
            filter_index("thread_id", ["started_at", "id"], name="episode_by_thread"),
            filter_index("outcome", ["started_at", "id"], name="episode_by_outcome"),
            filter_index("written_by_key", ["started_at", "id"], name="episode_by_writing_key"),
            filter_index("written_by_user", ["started_at", "id"], name="episode_by_writing_user"),
            models.Index(
                fields=["tenant", "user_id", "thread_id", "started_at"],
                condition=Q(derived=True),
                name="episode_derived_by_stream",
            ),
        ]

    @property
    def event_count(self) -> int:
        return len(self.event_ids)


class UnsettledSpanQuerySet(TenantQuerySet["UnsettledSpan"]):
    pass


class UnsettledSpan(models.Model):
    """Part of a stream whose episodes are still to be built: the events after a position, up to a time."""

    pk = models.CompositePrimaryKey("tenant_id", "id")
    id = models.BigIntegerField(editable=False)  # from a sequence
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    user_id = models.CharField(max_length=NAME_LENGTH)
    thread_id = models.CharField(max_length=NAME_LENGTH, null=True)
    after_at = models.DateTimeField()
    after_id = models.UUIDField()
    until_at = models.DateTimeField()
    due_at = models.DateTimeField()

    objects = UnsettledSpanQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="span_by_due_time"),
            models.Index(fields=["tenant", "user_id", "thread_id", "after_at"], name="span_by_stream"),
        ]

    def __str__(self) -> str:
        return str(self.id)
