from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings

from tenants.statements import Statement

FIND: Final = Statement("""
SELECT k.id, k.name, k.prefix, k.role, k.expires_at, k.revoked_at, k.replaced_by_id, k.last_used_at,
       k.allowed_ips, k.rate_limit_per_minute,
       t.id, t.name, t.suspended_at, t.keys_frozen_at,
       LEAST(t.rate_limit_per_minute, COALESCE(t.rate_limit_cap, %(default_cap)s::int)),
       statement_timestamp()
FROM apikeys_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id
WHERE k.digest = %(digest)s
""")


class FoundKey(NamedTuple):
    """A key, its tenant, and the database's clock: one clock for all hosts decides when a key has ended."""

    id: UUID
    name: str
    prefix: str
    role: str
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by_id: UUID | None
    last_used_at: datetime | None
    allowed_ips: list[str]
    rate_limit: int | None
    tenant_id: UUID
    tenant_name: str
    tenant_suspended_at: datetime | None
    tenant_keys_frozen_at: datetime | None
    tenant_rate_limit: int | None
    now: datetime


def find_key(digest: bytes) -> FoundKey | None:
    """The one query of API-key authentication, by a unique index."""
    rows = FIND.rows(digest=digest, default_cap=settings.TENANT_RATE_LIMIT)
    return FoundKey(*rows[0]) if rows else None
