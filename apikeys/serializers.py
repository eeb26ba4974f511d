from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from apikeys.ip_allowlist import network_around, parse_network
from apikeys.models import APIKey
from apikeys.policy import Violation
from apikeys.services import GRACE, LONGEST_GRACE
from apikeys.status import Status
from tenants.fields import LineField, RateLimitField, ShortListField, TruthField
from tenants.models import Role
from tenants.serializers import LONGEST_DAYS

MOST_NETWORKS = 50
TOO_FAR = f"A key can live for at most {LONGEST_DAYS:,} days. Leave it out for a key that doesn't expire."


class NetworkField(serializers.CharField):
    """A network in CIDR notation or one IP address, IPv4 or IPv6, in the form that `ipaddress` writes."""

    default_error_messages = {
        "not_a_network": "This is neither an IP address nor a network such as 192.0.2.0/24 or 2001:db8::/32.",
        "host_bits_set": "This network has host bits set. Did you mean {meant}?",
    }

    def to_internal_value(self, data: Any) -> str:
        text = str(super().to_internal_value(data))
        try:
            return str(parse_network(text))
        except ValueError:
            meant = network_around(text)
            self.fail("host_bits_set" if meant else "not_a_network", meant=meant)


class NetworksField(ShortListField):
    child = NetworkField()

    def __init__(self, **kwargs: Any) -> None:
        text = "Networks (CIDR) and IP addresses from which the key may be used. If empty, from anywhere."
        super().__init__(most=MOST_NETWORKS, help_text=text, **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        """Removes duplicates and keeps the order."""
        return list(dict.fromkeys(super().to_internal_value(data)))


class APIKeySerializer(serializers.ModelSerializer[APIKey]):
    created_by = serializers.CharField(source="created_by_label")
    status = serializers.ChoiceField(choices=Status.choices)
    policy_violations = serializers.ListField(
        child=serializers.ChoiceField(choices=Violation.choices),
        help_text="How the key violates the tenant's current policy.",
    )

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
            "replaced_by_id",
            "allowed_ips",
            "rate_limit_per_minute",
            "status",
            "policy_violations",
        ]
        read_only_fields = fields


class NewAPIKeySerializer(APIKeySerializer):
    """A new key, with the key itself, which is shown only once."""

    api_key = serializers.CharField(help_text="The key. It is shown here and never again.")

    class Meta(APIKeySerializer.Meta):
        fields = [*APIKeySerializer.Meta.fields, "api_key"]
        read_only_fields = fields


class CreateAPIKeySerializer(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    role = serializers.ChoiceField(choices=Role.choices, default=Role.EDITOR)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    expires_in_days = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=LONGEST_DAYS)
    allowed_ips = NetworksField(default=list)
    rate_limit_per_minute = RateLimitField(default=None)

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This is in the past.", code="in_the_past")
        if value is not None and value > timezone.now() + timedelta(days=LONGEST_DAYS):
            raise serializers.ValidationError(TOO_FAR, code="too_far")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        days = attrs.pop("expires_in_days", None)
        if days is not None and attrs.get("expires_at") is not None:
            fault = serializers.ErrorDetail("Send expires_at or expires_in_days, not both.", code="ambiguous")
            raise serializers.ValidationError({"expires_in_days": [fault]})
        if days is not None:
            attrs["expires_at"] = timezone.now() + timedelta(days=days)
        return attrs


class APIKeyChangesSerializer(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    allowed_ips = NetworksField()
    rate_limit_per_minute = RateLimitField()


class RotateSerializer(serializers.Serializer[Any]):
    grace_seconds = serializers.IntegerField(
        default=int(GRACE.total_seconds()),
        min_value=0,
        max_value=int(LONGEST_GRACE.total_seconds()),
        help_text="How long the old key keeps working. One day by default, at most 7 days.",
    )


class OldAPIKeySerializer(serializers.ModelSerializer[APIKey]):
    ends_at = serializers.DateTimeField(source="expires_at")

    class Meta:
        model = APIKey
        fields = ["id", "ends_at"]
        read_only_fields = fields


class RotatedAPIKeySerializer(NewAPIKeySerializer):
    """The new key, shown once, and when the old one expires."""

    old = OldAPIKeySerializer()

    class Meta(NewAPIKeySerializer.Meta):
        fields = [*NewAPIKeySerializer.Meta.fields, "old"]
        read_only_fields = fields


class LeakSerializer(serializers.Serializer[Any]):
    api_key = serializers.CharField(help_text="The whole key.")


class LeakReportedSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(default="received")
    detail = serializers.CharField()


class ConcernSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    items = APIKeySerializer(many=True, help_text="The first 100.")


class KeyHealthSerializer(serializers.Serializer[Any]):
    """One entry for each concern. A key can be in several of them."""

    keys_in_service = serializers.IntegerField()
    ends_soon = ConcernSerializer(help_text="Expires within 30 days.")
    idle = ConcernSerializer(help_text="Not used for 90 days.")
    never_used = ConcernSerializer()
    without_expiry = ConcernSerializer()
    against_policy = ConcernSerializer(help_text="The `policy_violations` of each key say why.")


class APIKeyFilterSerializer(serializers.Serializer[Any]):
    include_revoked = TruthField(default=False)


class RevokedAPIKeySerializer(serializers.ModelSerializer[APIKey]):
    status = serializers.ChoiceField(choices=Status.choices)

    class Meta:
        model = APIKey
        fields = ["id", "status", "revoked_at", "last_used_at"]
        read_only_fields = fields
