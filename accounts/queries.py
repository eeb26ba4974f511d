from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from postgres.columns import selected
from postgres.statements import Statement
from tenants.lease import Lease


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


# Fields that are not the column of the same name in accounts_session.
OTHERS: Final = {
    "email": "u.email",
    "role": "u.role",
    "user_is_active": "u.is_active",
    "user_tenant_id": "u.tenant_id",
    "tenant_name": "t.name",
    "tenant_suspended_at": "t.suspended_at",
    "tenant_keys_frozen_at": "t.keys_frozen_at",
}
FIND: Final = Statement(f"""
SELECT {selected(FoundSession._fields, "s", OTHERS)}
FROM accounts_session s
JOIN accounts_user u ON u.id = s.user_id
JOIN tenants_tenant t ON t.id = s.tenant_id
WHERE s.id = %(id)s
""")  # noqa: S608 - our own column names


def read_session(session_id: UUID) -> FoundSession | None:
    rows = FIND.rows(id=session_id)
    return FoundSession(*rows[0]) if rows else None


SESSIONS: Final = Lease(read_session)


def find_session(session_id: UUID) -> FoundSession | None:
    """The only read of JWT authentication, all by primary key. It may be 50 ms old: see `tenants/lease.py`."""
    return SESSIONS.find(session_id)[0]
