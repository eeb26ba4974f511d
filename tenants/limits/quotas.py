"""Limits requests per minute, per key and per tenant. Requests by people are never counted.

A runaway key must not keep its tenant's people from stopping it. Nothing is counted where no limit is set.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from django.conf import settings
from rest_framework.exceptions import ErrorDetail, Throttled, ValidationError

from tenants.limits.limit import Limit, count
from tenants.models import Tenant
from tenants.principal import Principal

MINUTE: Final = 60
SENTENCE: Final = "At most {} requests per minute are allowed for this {}."


class Quota(NamedTuple):
    """One limit, after this request was counted."""

    name: str
    most: int
    hits: int
    seconds_left: int

    @property
    def is_over(self) -> bool:
        return self.hits > self.most


def count_request(principal: Principal) -> list[Quota]:
    """Counts the request against each of its limits, up to the first one that is exceeded. Returns those quotas."""
    quotas = []
    for name, subject, most in bounds(principal):
        quotas.append(Quota(name, most, *count(Limit(f"{name} requests", most, MINUTE), subject)))
        if quotas[-1].is_over:
            break
    return quotas


def bounds(principal: Principal) -> Iterator[tuple[str, str, int]]:
    if principal.rate_limit is not None:
        yield "key", str(principal.key_id), principal.rate_limit
    if principal.tenant_rate_limit is not None:
        yield "tenant", str(principal.tenant_id), principal.tenant_rate_limit


def cap_of(tenant: Tenant) -> int | None:
    """The operator's limit for this tenant, or the installation's default. The tenant's admins can't raise it."""
    own: int | None = tenant.rate_limit_cap
    default: int | None = settings.TENANT_RATE_LIMIT
    return default if own is None else own


def refuse_over_cap(tenant: Tenant, wanted: int | None) -> None:
    """Raises 422 `over_cap` if `wanted` is above the cap. None is allowed: then the cap is the limit."""
    cap = cap_of(tenant)
    if wanted is not None and cap is not None and wanted > cap:
        sentence = f"The operator allows this workspace at most {cap:,} requests per minute."
        raise ValidationError({"rate_limit_per_minute": [ErrorDetail(sentence, code="over_cap")]})


def quota_headers(quotas: list[Quota]) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4: `r` requests are left, for `t` seconds."""
    if not quotas:
        return {}
    left = (f'"{quota.name}";r={max(0, quota.most - quota.hits)};t={quota.seconds_left}' for quota in quotas)
    policies = (f'"{quota.name}";q={quota.most};w={MINUTE}' for quota in quotas)
    return {"RateLimit": ", ".join(left), "RateLimit-Policy": ", ".join(policies)}


def refuse_excess(quotas: list[Quota]) -> None:
    """Raises 429 with `Retry-After` if a quota is exceeded."""
    for quota in quotas:
        if quota.is_over:
            raise Throttled(quota.seconds_left, SENTENCE.format(quota.most, quota.name))
