from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings

from postgres.columns import selected
from postgres.statements import Statement
from tenants.lease import Lease


class FoundKey(NamedTuple):
    """A key, its tenant and the database's time. All hosts use this clock to decide whether a key has expired."""

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


# Fields that are not the column of the same name in apikeys_apikey.
OTHERS: Final = {
    "rate_limit": "k.rate_limit_per_minute",
    "tenant_id": "t.id",
    "tenant_name": "t.name",
    "tenant_suspended_at": "t.suspended_at",
    "tenant_keys_frozen_at": "t.keys_frozen_at",
    "tenant_rate_limit": "LEAST(t.rate_limit_per_minute, COALESCE(t.rate_limit_cap, %(default_cap)s::int))",
    "now": "statement_timestamp()",
}
FIND: Final = Statement(f"""
SELECT {selected(FoundKey._fields, "k", OTHERS)}
FROM apikeys_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id
WHERE k.digest = %(digest)s
""")  # noqa: S608 - our own column names


def read_key(digest: bytes) -> FoundKey | None:
    rows = FIND.rows(digest=digest, default_cap=settings.TENANT_RATE_LIMIT)
    return FoundKey(*rows[0]) if rows else None


KEYS: Final = Lease(read_key)


def find_key(digest: bytes) -> FoundKey | None:
    """The only read of API-key authentication. It uses a unique index, and may be 50 ms old: see `tenants/lease.py`."""
    found, age = KEYS.find(digest)
    return found._replace(now=found.now + timedelta(seconds=age)) if found and age else found
