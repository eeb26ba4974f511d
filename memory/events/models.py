from typing import Final

from django.db import models
from django.utils import timezone

from memory.events.content import ContentDecoder
from memory.records import AUTHORS, NAME_LENGTH, Counting, Remembered, filter_index
from tenants.models import TenantQuerySet

EVENT_TYPE_LENGTH: Final = 64
UTC_DAY: Final = "(occurred_at AT TIME ZONE 'UTC')::date"


class EventQuerySet(TenantQuerySet["Event"]):
    pass


class Event(Remembered):
    """Something that happened. Append-only."""

    COLUMNS = (
        "id",
        "event_type",
        "content",
        "user_id",
        "agent_id",
        "thread_id",
        "occurred_at",
        "created_at",
        *AUTHORS,
    )
    COUNTING = Counting("events", user="user_id", day=UTC_DAY)

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
            filter_index("agent_id", ["occurred_at", "id"], name="event_by_agent"),
            filter_index("thread_id", ["occurred_at", "id"], name="event_by_thread"),
            filter_index("written_by_key", ["occurred_at", "id"], name="event_by_writing_key"),
            filter_index("written_by_user", ["occurred_at", "id"], name="event_by_writing_user"),
        ]
