from functools import cache
from typing import Any

from rest_framework import serializers

from tenants.fields import LineField, RateLimitField, TruthField
from tenants.limits.quotas import cap_of
from tenants.models import Tenant

LONGEST_DAYS = 3650
LONGEST_RETENTION = 36500


def checked(serializer: type[serializers.Serializer[Any]], data: Any, **options: Any) -> dict[str, Any]:
    """Returns the validated data, or raises 422. `options`: of the serializer, such as its context.

    Without options it uses one instance for all requests, because DRF copies every field for each new one. Validation
    stores nothing on an instance.
    """
    if options or data is None:
        made = serializer(data=data, **options)
        made.is_valid(raise_exception=True)
        return dict(made.validated_data)
    return dict(shared(serializer).run_validation(data))


@cache
def shared(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    made = serializer()
    _ = made.fields  # made here and not by two threads at once
    return made


def confirm_name(typed: str, name: str, *, what: str) -> None:
    """Raises 422 `confirm_wrong` unless the caller typed the right name, to confirm what can't be undone."""
    if typed != name:
        raise serializers.ValidationError(f"This is not the {what}.", code="confirm_wrong")


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    rate_limit_cap = serializers.SerializerMethodField(
        help_text="Requests per minute that the operator allows for all keys of the tenant together. null: no cap."
    )

    class Meta:
        model = Tenant
        fields = [
            "id",
            "name",
            "sector",
            "created_at",
            "require_key_expiry",
            "max_key_lifetime_days",
            "rate_limit_per_minute",
            "rate_limit_cap",
            "event_retention_days",
            "keys_frozen_at",
        ]
        read_only_fields = fields

    def get_rate_limit_cap(self, tenant: Tenant) -> int | None:
        return cap_of(tenant)


class TenantChangesSerializer(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    sector = LineField(max_length=64, allow_blank=True)
    require_key_expiry = TruthField(help_text="New keys must have an expiry date.")
    max_key_lifetime_days = serializers.IntegerField(
        allow_null=True,
        min_value=1,
        max_value=LONGEST_DAYS,
        help_text="New keys must expire within this many days. null: no maximum.",
    )
    rate_limit_per_minute = RateLimitField(
        help_text="For all keys of the tenant together, at most rate_limit_cap. null: only the cap applies."
    )
    event_retention_days = serializers.IntegerField(
        allow_null=True,
        min_value=1,
        max_value=LONGEST_RETENTION,
        help_text="Days. Older events are deleted permanently when the operator next prunes. null: they are kept.",
    )


class FreezeSerializer(serializers.ModelSerializer[Tenant]):
    status = serializers.SerializerMethodField()
    frozen_at = serializers.DateTimeField(source="keys_frozen_at", allow_null=True)

    class Meta:
        model = Tenant
        fields = ["status", "frozen_at"]
        read_only_fields = fields

    def get_status(self, tenant: Tenant) -> str:
        return "frozen" if tenant.keys_frozen_at else "unfrozen"
