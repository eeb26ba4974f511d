from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apikeys.models import APIKey
from tenants.fields import LineField
from tenants.models import Role

LONGEST_DAYS = 3650


class APIKeySerializer(serializers.ModelSerializer[APIKey]):
    created_by = serializers.CharField(source="created_by_label")
    status = serializers.ChoiceField(choices=APIKey.Status.choices)

    class Meta:
        model = APIKey
        fields = [
            "id",
            "name",
            "prefix",
            "last4",
            "role",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_ip",
            "last_used_agent",
            "revoked_at",
            "status",
        ]
        read_only_fields = fields


class NewAPIKeySerializer(APIKeySerializer):
    """The only answer that holds the key itself."""

    api_key = serializers.CharField(help_text="The key. It is shown here and never again.")

    class Meta(APIKeySerializer.Meta):
        fields = [*APIKeySerializer.Meta.fields, "api_key"]
        read_only_fields = fields


class CreateAPIKeySerializer(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.EDITOR)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    expires_in_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=LONGEST_DAYS)

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This is in the past.", code="in_the_past")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs.pop("expires_in_days", None)
        if days is not None and attrs.get("expires_at") is not None:
            fault = serializers.ErrorDetail("Send expires_at or expires_in_days, not both.", code="ambiguous")
            raise serializers.ValidationError({"expires_in_days": [fault]})
        if days is not None:
            attrs["expires_at"] = timezone.now() + timedelta(days=days)
        return attrs


class APIKeyFilterSerializer(serializers.Serializer[Any]):
    include_revoked = serializers.BooleanField(default=False)


class RevokedAPIKeySerializer(serializers.ModelSerializer[APIKey]):
    status = serializers.ChoiceField(choices=APIKey.Status.choices)

    class Meta:
        model = APIKey
        fields = ["id", "status", "revoked_at", "last_used_at"]
        read_only_fields = fields
