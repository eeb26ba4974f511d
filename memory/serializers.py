from typing import Any, ClassVar, Final

from django.utils import timezone
from rest_framework import serializers

from memory.content import LARGEST_CONTENT, content_size
from memory.models import EVENT_TYPE_LENGTH, NAME_LENGTH, Belief, Episode, Event
from tenants.fields import LineField, ShortListField, TextField, TruthField

VALUE_LENGTH: Final = 64 * 1024
EVENT_IDS: Final = 1000
TAGS: Final = 50
AUTHORS: Final = ["written_by_key", "written_by_user"]


class NameField(TextField):
    """What the caller calls a user, an agent, a thread, a key or a domain; kept exactly as sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=NAME_LENGTH, trim_whitespace=False, **kwargs)


class OptionalNameField(NameField):
    """Absent, null and empty are the same: null."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, allow_blank=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data) or None


class MomentField(serializers.DateTimeField):
    """Absent and null are the same: now."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default=timezone.now, allow_null=True, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(serializers.empty if data is None else data)


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


class ConfidenceField(serializers.FloatField):
    """0 to 1. A truth value is no number here, and -0.0 is 0.0, as which an export reads it back."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data)) + 0.0


class EventSerializer(serializers.ModelSerializer[Event]):
    content = ContentField()
    event_type = TextField(max_length=EVENT_TYPE_LENGTH, trim_whitespace=False)
    user_id = NameField()
    agent_id = OptionalNameField()
    thread_id = OptionalNameField()
    occurred_at = MomentField()

    class Meta:
        model = Event
        fields = [
            "id",
            "event_type",
            "content",
            "user_id",
            "agent_id",
            "thread_id",
            "occurred_at",
            "created_at",
            *AUTHORS,
        ]
        read_only_fields = ["id", "created_at", *AUTHORS]


class BeliefSerializer(serializers.ModelSerializer[Belief]):
    class Meta:
        model = Belief
        fields = [
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
        ]
        read_only_fields = fields


class BeliefChangesSerializer(serializers.Serializer[Any]):
    value = TextField(max_length=VALUE_LENGTH, trim_whitespace=False)
    confidence = ConfidenceField()
    belief_type = serializers.ChoiceField(choices=Belief.Type.choices)
    domain = OptionalNameField()


class CreateBeliefSerializer(BeliefChangesSerializer):
    subject_id = NameField()
    key = NameField()
    confidence = ConfidenceField(default=1.0)
    belief_type = serializers.ChoiceField(choices=Belief.Type.choices, default=Belief.Type.BELIEF)


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
        fields = [
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
            "event_count",
            "summary_kind",
            "derived",
            "created_at",
            *AUTHORS,
        ]
        read_only_fields = ["id", "summary_kind", "derived", "created_at", *AUTHORS]
        extra_kwargs: ClassVar = {
            "summary_kind": {"help_text": "given by whoever wrote it, or extractive: made here of the events' words."},
            "derived": {"help_text": "Made here of a stretch of events; authors are null then."},
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        started = attrs.get("started_at") or getattr(self.instance, "started_at", None)
        ended = attrs["ended_at"] if "ended_at" in attrs else getattr(self.instance, "ended_at", None)
        if started and ended and ended < started:
            fault = serializers.ErrorDetail("An episode can't end before it starts.", code="ends_before_start")
            raise serializers.ValidationError({"ended_at": [fault]})
        return attrs


class WrittenBySerializer(serializers.Serializer[Any]):
    written_by_key = serializers.UUIDField(required=False)
    written_by_user = serializers.UUIDField(required=False)


class EventFilterSerializer(WrittenBySerializer):
    user_id = NameField(required=False)
    agent_id = NameField(required=False)
    thread_id = NameField(required=False)
    event_type = TextField(max_length=EVENT_TYPE_LENGTH, trim_whitespace=False, required=False)
    since = serializers.DateTimeField(required=False, source="occurred_at__gte", help_text="This moment or later.")
    until = serializers.DateTimeField(required=False, source="occurred_at__lt", help_text="Before this moment.")


class BeliefFilterSerializer(WrittenBySerializer):
    subject_id = NameField(required=False)
    user_id = NameField(required=False, source="subject_id", help_text="Another name for subject_id.")
    domain = NameField(required=False)
    belief_type = serializers.ChoiceField(choices=Belief.Type.choices, required=False)


class ForgetSerializer(serializers.Serializer[Any]):
    subject_id = NameField()
    domain = NameField(required=False)
    soft = TruthField(default=False)


class SoftSerializer(serializers.Serializer[Any]):
    soft = TruthField(default=False)


class EpisodeFilterSerializer(WrittenBySerializer):
    user_id = NameField(required=False)
    agent_id = NameField(required=False)
    thread_id = NameField(required=False)
    outcome = serializers.ChoiceField(choices=Episode.Outcome.choices, required=False)
    consolidation_status = serializers.ChoiceField(choices=Episode.Consolidation.choices, required=False)
    since = serializers.DateTimeField(required=False, source="started_at__gte", help_text="This moment or later.")
    until = serializers.DateTimeField(required=False, source="started_at__lt", help_text="Before this moment.")


class HistoryFilterSerializer(serializers.Serializer[Any]):
    include_inactive = TruthField(default=True)
    as_of = serializers.DateTimeField(required=False, help_text="What was believed at this moment.")


class TimelineFilterSerializer(serializers.Serializer[Any]):
    domain = NameField(required=False)
    since = serializers.DateTimeField(required=False)
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200)


class SubjectSerializer(serializers.Serializer[Any]):
    subject_id = NameField()


class SubjectAndKeySerializer(SubjectSerializer):
    key = NameField()


class TimelineSerializer(SubjectSerializer):
    count = serializers.IntegerField()
    timeline = BeliefSerializer(many=True)


class EventsOnDaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    events = serializers.IntegerField()


class StatsSerializer(serializers.Serializer[Any]):
    total_events = serializers.IntegerField()
    total_beliefs = serializers.IntegerField(help_text="Active ones.")
    total_episodes = serializers.IntegerField()
    total_users = serializers.IntegerField(help_text="Distinct end users with any row.")
    last_event_at = serializers.DateTimeField(allow_null=True)
    events_per_day = EventsOnDaySerializer(many=True, help_text="30 days by occurred_at, UTC.")
