from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

FIND: Final = """
SELECT s.id, s.user_id, s.tenant_id, s.expires_at, s.ended_at, s.last_seen_at,
       u.email, u.role, u.is_active, u.tenant_id,
       t.name, t.suspended_at, t.keys_frozen_at
FROM accounts_session s
JOIN accounts_user u ON u.id = s.user_id
JOIN tenants_tenant t ON t.id = s.tenant_id
WHERE s.id = %s
"""


class FoundSession(NamedTuple):
    id: UUID
    user_id: UUID
    tenant_id: UUID
    expires_at: datetime
    ended_at: datetime | None
    last_seen_at: datetime | None
    email: str
    role: str
    user_is_active: bool
    user_tenant_id: UUID
    tenant_name: str
    tenant_suspended_at: datetime | None
    tenant_keys_frozen_at: datetime | None


def find_session(session_id: UUID) -> FoundSession | None:
    """The one query of JWT authentication, by primary keys."""
    with connection.cursor() as cursor:
        cursor.execute(FIND, [session_id])
        row = cursor.fetchone()
    return FoundSession(*row) if row else None
