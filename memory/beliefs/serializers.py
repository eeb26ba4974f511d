from typing import Any, Final

from rest_framework import serializers

from memory.beliefs.models import Belief
from memory.serializers import VALUE_LENGTH, NameField, OptionalNameField, WrittenBySerializer
from tenants.fields import TextField, TruthField, refuse_different

LONGEST_TIMELINE: Final = 200


class ConfidenceField(serializers.FloatField):
    """0 to 1. Refuses true and false, and turns -0.0 into 0.0, because an export reads it back as that."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data)) + 0.0


class BeliefSerializer(serializers.ModelSerializer[Belief]):
    class Meta:
        model = Belief
        fields = Belief.COLUMNS
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


class BeliefFilterSerializer(WrittenBySerializer):
    subject_id = NameField(required=False)
    user_id = NameField(required=False, help_text="Another name for subject_id.")
    domain = NameField(required=False)
    belief_type = serializers.ChoiceField(choices=Belief.Type.choices, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_different(attrs, "subject_id", "user_id")
        user_id = attrs.pop("user_id", None)
        return {"subject_id": user_id, **attrs} if user_id is not None else attrs


class SoftSerializer(serializers.Serializer[Any]):
    soft = TruthField(default=False)


class ForgetSerializer(SoftSerializer):
    subject_id = NameField()
    domain = NameField(required=False)


class HistoryFilterSerializer(serializers.Serializer[Any]):
    include_inactive = TruthField(default=True)
    as_of = serializers.DateTimeField(required=False, help_text="What was believed at this moment.")


class SubjectSerializer(serializers.Serializer[Any]):
    subject_id = NameField()


class SubjectAndKeySerializer(SubjectSerializer):
    key = NameField()


class TimelineFilterSerializer(serializers.Serializer[Any]):
    domain = NameField(required=False)
    since = serializers.DateTimeField(required=False)
    limit = serializers.IntegerField(default=50, min_value=1, max_value=LONGEST_TIMELINE)


class TimelineSerializer(SubjectSerializer):
    count = serializers.IntegerField()
    timeline = BeliefSerializer(many=True)
