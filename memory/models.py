"""What agents remember. Every table here is behind row-level security: see `transactions.py`."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from memory.content import ContentDecoder
from tenants.ids import new_id
from tenants.models import Tenant, TenantQuerySet

NAME_LENGTH = 255  # of users, agents, threads, keys and domains, which their owners name
EVENT_TYPE_LENGTH = 64


def narrowed(column: str, order: list[str], *, name: str, condition: Q | None = None) -> models.Index:
    """Finds the rows with one value of a column that may be null, in the order of their list."""
    there = Q(**{f"{column}__isnull": False})
    return models.Index(
        fields=["tenant", column, *order], condition=condition & there if condition else there, name=name
    )


class Remembered(models.Model):
    """Ids are unique per tenant, and each key and index begins with it: import keeps ids, the schema can be sharded."""

    pk = models.CompositePrimaryKey("tenant_id", "id")
    id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    written_at = models.DateTimeField(
        db_default=Now(), editable=False
    )  # here; an import keeps `created_at` as it comes
    written_by_key = models.UUIDField(null=True, editable=False)
    written_by_user = models.UUIDField(null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


class EndUserQuerySet(TenantQuerySet["EndUser"]):
    pass


class EndUser(models.Model):
    """A user of whom there is any row: an event, an episode, a belief in any version. Kept by `tally.py`."""

    pk = models.CompositePrimaryKey("tenant_id", "name")
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    name = models.CharField(max_length=NAME_LENGTH)

    objects = EndUserQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.tenant_id)


class TallyQuerySet(TenantQuerySet["Tally"]):
    pass


class Tally(models.Model):
    """Part of a day's counts: only the sum over all slots means anything. Kept by `tally.py`."""

    pk = models.CompositePrimaryKey("tenant_id", "day", "slot")
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    day = models.DateField()
    slot = models.SmallIntegerField()
    events = models.BigIntegerField()
    beliefs = models.BigIntegerField()
    episodes = models.BigIntegerField()
    users = models.BigIntegerField()

    objects = TallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.day} {self.slot}"


class EventQuerySet(TenantQuerySet["Event"]):
    pass


class Event(Remembered):
    """Something that happened. Append-only."""

    event_type = models.CharField(max_length=EVENT_TYPE_LENGTH)
    content = models.JSONField(decoder=ContentDecoder)
    user_id = models.CharField(max_length=NAME_LENGTH)
    agent_id = models.CharField(max_length=NAME_LENGTH, null=True)
    thread_id = models.CharField(max_length=NAME_LENGTH, null=True)
    occurred_at = models.DateTimeField(default=timezone.now)

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "occurred_at", "id"], name="event_by_time"),
            models.Index(fields=["tenant", "user_id", "occurred_at", "id"], name="event_by_user"),
            models.Index(fields=["tenant", "event_type", "occurred_at", "id"], name="event_by_type"),
            narrowed("agent_id", ["occurred_at", "id"], name="event_by_agent"),
            narrowed("thread_id", ["occurred_at", "id"], name="event_by_thread"),
            narrowed("written_by_key", ["occurred_at", "id"], name="event_by_writing_key"),
            narrowed("written_by_user", ["occurred_at", "id"], name="event_by_writing_user"),
        ]


class BeliefQuerySet(TenantQuerySet["Belief"]):
    def active(self) -> "BeliefQuerySet":
        """By the open end: the status would be a parameter, for which a prepared plan takes no partial index."""
        return self.filter(ended_at=None)

    def of_key(self, subject_id: str, key: str) -> "BeliefQuerySet":
        return self.filter(subject_id=subject_id, key=key)


class Belief(Remembered):
    """One version of what is believed of a subject under a key; at most one version is active."""

    class Type(models.TextChoices):
        FACT = "fact"
        BELIEF = "belief"
        PREFERENCE = "preference"
        TENET = "tenet"

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUPERSEDED = "superseded"
        INACTIVE = "inactive"

    subject_id = models.CharField(max_length=NAME_LENGTH)
    key = models.CharField(max_length=NAME_LENGTH)
    value = models.TextField()
    confidence = models.FloatField()
    belief_type = models.CharField(max_length=10, choices=Type.choices)
    domain = models.CharField(max_length=NAME_LENGTH, null=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    updated_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    confirmed_by_another = models.BooleanField(default=False, db_default=False)  # than the credential that wrote it

    uses = models.IntegerField(default=0, db_default=0)  # how often a search recalled it
    recalled_at = models.DateTimeField(null=True)

    objects = BeliefQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "subject_id", "key"], condition=Q(ended_at=None), name="belief_one_active"
            ),
            models.CheckConstraint(condition=Q(confidence__gte=0, confidence__lte=1), name="belief_confidence_range"),
            models.CheckConstraint(
                condition=Q(status="active", ended_at=None) | ~Q(status="active") & Q(ended_at__isnull=False),
                name="belief_active_until_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subject_id", "id"], name="belief_by_subject"),
            models.Index(fields=["tenant", "id"], condition=Q(ended_at=None), name="belief_active"),
            models.Index(
                fields=["tenant", "subject_id", "id"], condition=Q(ended_at=None), name="belief_active_by_subject"
            ),
            models.Index(fields=["tenant", "subject_id", "key", "created_at"], name="belief_history"),
            models.Index(
                fields=["tenant", "belief_type", "id"], condition=Q(ended_at=None), name="belief_active_by_type"
            ),
            narrowed("domain", ["id"], condition=Q(ended_at=None), name="belief_active_by_domain"),
            narrowed("written_by_key", ["id"], condition=Q(ended_at=None), name="belief_active_by_writing_key"),
            narrowed("written_by_user", ["id"], condition=Q(ended_at=None), name="belief_active_by_writing_user"),
        ]


class EpisodeQuerySet(TenantQuerySet["Episode"]):
    pass


class Episode(Remembered):
    """What belonged together: a stretch of one user's events, with a summary.

    A derived one is made here of the events (`consolidation.py`), and stays so whoever words its summary.
    """

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
            narrowed("agent_id", ["started_at", "id"], name="episode_by_agent"),
            narrowed("thread_id", ["started_at", "id"], name="episode_by_thread"),
            narrowed("outcome", ["started_at", "id"], name="episode_by_outcome"),
            narrowed("written_by_key", ["started_at", "id"], name="episode_by_writing_key"),
            narrowed("written_by_user", ["started_at", "id"], name="episode_by_writing_user"),
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
    """Events of a stream that episodes are still to be made of: those after a place in it, up to a moment."""

    pk = models.CompositePrimaryKey("tenant_id", "id")
    id = models.BigIntegerField(editable=False)  # PostgreSQL numbers them
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
