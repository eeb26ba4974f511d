from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

FIND: Final = """
SELECT k.id, k.name, k.prefix, k.role, k.expires_at, k.revoked_at, k.last_used_at,
       t.id, t.name, t.suspended_at
FROM apikeys_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id
WHERE k.digest = %s
"""


class FoundKey(NamedTuple):
    id: UUID
    name: str
    prefix: str
    role: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    tenant_id: UUID
    tenant_name: str
    tenant_suspended_at: datetime | None


def find_key(digest: bytes) -> FoundKey | None:
    """The one query of API-key authentication, by a unique index. Plain SQL: the ORM would cost four times as much."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [digest])
        row = cursor.fetchone()
    return FoundKey(*row) if row else None
