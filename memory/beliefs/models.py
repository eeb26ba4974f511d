from django.db import models
from django.db.models import Q
from django.utils import timezone

from memory.records import AUTHORS, NAME_LENGTH, Counting, Remembered, filter_index
from tenants.models import TenantQuerySet


class BeliefQuerySet(TenantQuerySet["Belief"]):
    def active(self) -> "BeliefQuerySet":
        """Filters by the open end. The status would be a parameter, and a generic plan uses no partial index for it."""
        return self.filter(ended_at=None)

    def of_key(self, subject_id: str, key: str) -> "BeliefQuerySet":
        return self.filter(subject_id=subject_id, key=key)


class Belief(Remembered):
    """One version of the belief about a subject under a key. At most one version is active."""

    COLUMNS = (
        "id",
        "subject_id",
        "key",
        "value",
        "confidence",
        "belief_type",
        "domain",
        "status",
        "created_at",
        "updated_at",
        "ended_at",
        *AUTHORS,
    )
    COUNTING = Counting("beliefs", user="subject_id", condition="ended_at IS NULL")

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
    confirmed_by_another = models.BooleanField(default=False, db_default=False)  # credential than the author

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
            filter_index("domain", ["id"], condition=Q(ended_at=None), name="belief_active_by_domain"),
            filter_index("written_by_key", ["id"], condition=Q(ended_at=None), name="belief_active_by_writing_key"),
            filter_index("written_by_user", ["id"], condition=Q(ended_at=None), name="belief_active_by_writing_user"),
        ]
