from typing import Any, ClassVar, Final

from django.utils import timezone
from rest_framework import serializers

from memory.episodes.models import Episode
from memory.records import AUTHORS
from memory.serializers import VALUE_LENGTH, NameField, OptionalNameField, WrittenBySerializer
from tenants.fields import LineField, ShortListField, TextField

EVENT_IDS: Final = 1000
TAGS: Final = 50


class EpisodeSerializer(serializers.ModelSerializer[Episode]):
    user_id = NameField()
    agent_id = OptionalNameField()
    thread_id = OptionalNameField()
    summary = TextField(max_length=VALUE_LENGTH, trim_whitespace=False)
    tags = ShortListField(child=LineField(max_length=64), most=TAGS, required=False)
    outcome = serializers.ChoiceField(choices=Episode.Outcome.choices, required=False, allow_null=True)
    consolidation_status = serializers.ChoiceField(choices=Episode.Consolidation.choices, required=False)
    started_at = serializers.DateTimeField(default=timezone.now)
    event_ids = ShortListField(child=serializers.UUIDField(), most=EVENT_IDS, required=False)
    event_count = serializers.IntegerField(read_only=True, help_text="How many events event_ids names.")

    class Meta:
        model = Episode
        fields = (*Episode.COLUMNS, "event_count")
        read_only_fields = ("id", "summary_kind", "derived", "created_at", *AUTHORS)
        extra_kwargs: ClassVar = {
            "summary_kind": {"help_text": "`given` by the author, or `extractive`: built from the events' own words."},
            "derived": {"help_text": "Built from a session window of events. The authors are null then."},
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        started = attrs.get("started_at") or getattr(self.instance, "started_at", None)
        ended = attrs["ended_at"] if "ended_at" in attrs else getattr(self.instance, "ended_at", None)
        if started and ended and ended < started:
            fault = serializers.ErrorDetail("An episode can't end before it starts.", code="ends_before_start")
            raise serializers.ValidationError({"ended_at": [fault]})
        return attrs


class EpisodeFilterSerializer(WrittenBySerializer):
    user_id = NameField(required=False)
    agent_id = NameField(required=False)
    thread_id = NameField(required=False)
    outcome = serializers.ChoiceField(choices=Episode.Outcome.choices, required=False)
    consolidation_status = serializers.ChoiceField(choices=Episode.Consolidation.choices, required=False)
    since = serializers.DateTimeField(required=False, source="started_at__gte", help_text="This moment or later.")
    until = serializers.DateTimeField(required=False, source="started_at__lt", help_text="Before this moment.")
