from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from rest_framework import serializers

from memory.events.content import LARGEST_CONTENT, content_size
from memory.events.models import EVENT_TYPE_LENGTH, Event
from memory.records import AUTHORS
from memory.serializers import NameField, OptionalNameField, TimeField, WrittenBySerializer
from tenants.fields import TextField

MOST_AHEAD: Final = timedelta(days=1)  # for clocks that are wrong, and dates in any time zone


class ContentField(serializers.JSONField):
    """A JSON object of at most 64 KiB."""

    default_error_messages = {
        "not_an_object": "Send a JSON object.",
        "too_large": f"The content is larger than {LARGEST_CONTENT:,} bytes.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_an_object")
        if content_size(data) > LARGEST_CONTENT:
            self.fail("too_large")
        return data


class EventSerializer(serializers.ModelSerializer[Event]):
    content = ContentField()
    event_type = TextField(max_length=EVENT_TYPE_LENGTH, trim_whitespace=False)
    user_id = NameField()
    agent_id = OptionalNameField()
    thread_id = OptionalNameField()
    occurred_at = TimeField()

    def validate_occurred_at(self, value: datetime) -> datetime:
        if value > timezone.now() + MOST_AHEAD:
            raise serializers.ValidationError("This is more than a day in the future.", code="in_the_future")
        return value

    class Meta:
        model = Event
        fields = Event.COLUMNS
        read_only_fields = ("id", "created_at", *AUTHORS)


class EventFilterSerializer(WrittenBySerializer):
    user_id = NameField(required=False)
    agent_id = NameField(required=False)
    thread_id = NameField(required=False)
    event_type = TextField(max_length=EVENT_TYPE_LENGTH, trim_whitespace=False, required=False)
    since = serializers.DateTimeField(required=False, source="occurred_at__gte", help_text="This moment or later.")
    until = serializers.DateTimeField(required=False, source="occurred_at__lt", help_text="Before this moment.")
