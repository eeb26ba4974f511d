"""What is in the database, row by row: so a test sees whatever was committed, wherever it was written."""

from collections import Counter
from typing import Any, Final
from uuid import UUID

import psycopg

from tenants.audit.actions import Action

# What says who was there, and how often, and not what was done.
NOTED: Final = {
    "accounts_session": ["last_seen_at", "ip", "agent"],
    "accounts_user": ["last_login"],
    "apikeys_apikey": ["last_used_at", "last_used_ip", "last_used_agent"],
}
UNSEEN: Final = [
    "auth_permission",
    "django_content_type",
    "django_migrations",
    "django_session",
    "tenants_audithead",  # the rows tell
    "tenants_counter",
]
REFUSED: Final = [Action.SIGN_IN_REFUSED, Action.SIGN_IN_LOCKED, Action.TENANT_MISMATCH]
TABLES: Final = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s)
"""
LATE: Final = """
SELECT number, action FROM tenants_auditentry
WHERE tenant_id = %(tenant)s AND actor_id = %(actor)s AND action <> ALL (%(refused)s) AND number > (
    SELECT max(number) FROM tenants_auditentry WHERE tenant_id = %(tenant)s AND action = %(revoked)s
)
"""
Rows = Counter[tuple[str, str]]


class Sight:
    def __init__(self, database: psycopg.Connection[Any]) -> None:
        self.database = database
        self.tables = [name for (name,) in database.execute(TABLES, [UNSEEN])]
        self.query = " UNION ALL ".join(map(select_all, self.tables)).encode()
        self.clearing = "; ".join(
            f"DELETE FROM {name}" for name in [*self.tables, *UNSEEN] if name not in KEPT
        ).encode()

    def rows(self) -> Rows:
        return Counter(self.database.execute(self.query).fetchall())

    def late_entries(self, *, tenant: UUID, actor: UUID, revoked: str) -> list[Any]:
        """What the audit log has of the actor after the row of the revocation."""
        values = {"tenant": tenant, "actor": actor, "revoked": revoked, "refused": REFUSED}
        return self.database.execute(LATE, values).fetchall()

    def clear(self) -> None:
        """Without triggers: the audit log refuses it, and the gates would be asked."""
        with self.database.transaction():
            self.database.execute("SET LOCAL session_replication_role = replica")
            self.database.execute(self.clearing)


KEPT: Final = ["auth_permission", "django_content_type", "django_migrations"]


def select_all(table: str) -> str:
    columns = ", ".join(f"'{name}'" for name in NOTED.get(table, []))
    refused = ", ".join(f"'{action}'" for action in REFUSED)
    condition = f" WHERE action NOT IN ({refused})" if table == "tenants_auditentry" else ""
    return f"SELECT '{table}', (to_jsonb(t) - ARRAY[{columns}]::text[])::text FROM {table} AS t{condition}"


def said(rows: Rows) -> list[str]:
    """One line of each table, with one of its rows."""
    tables: dict[str, list[str]] = {}
    for table, row in rows.elements():
        tables.setdefault(table, []).append(row)
    return [f"{table}: {len(found)}, such as {found[0][:200]}" for table, found in sorted(tables.items())]
