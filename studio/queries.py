"""Queries that only the pages need."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, Q

from accounts.models import User
from apikeys.models import APIKey, APIKeyQuerySet
from memory.records import Remembered
from studio.key_state import in_state
from tenants.permissions import IsTenantAdmin
from tenants.principal import Principal

# Reads the newest 1,000 events only, so that it costs the same however many there are.
WRITERS: Final = """
SELECT written.by_key, k.name, written.events
FROM (
    SELECT newest.written_by_key AS by_key, count(*) AS events
    FROM (
        SELECT written_by_key FROM memory_event
        WHERE tenant_id = %(tenant)s ORDER BY occurred_at DESC, id DESC LIMIT 1000
    ) AS newest
    GROUP BY newest.written_by_key
) AS written
LEFT JOIN apikeys_apikey k ON k.id = written.by_key AND k.tenant_id = %(tenant)s
ORDER BY written.events DESC, k.name LIMIT 5
"""
SORTS: Final[dict[str, tuple[Any, ...]]] = {
    "created": ("-id",),
    "name": ("name", "id"),
    "used": (F("last_used_at").desc(nulls_last=True), "-id"),
    "ends": ("expires_at", "id"),
}
MOST_KEYS: Final = 500


# Stops at 1,001, one more than the page shows, so that a key that wrote millions costs no more.
WRITTEN: Final = """
SELECT (
    SELECT count(*) FROM (
        SELECT FROM memory_event WHERE tenant_id = %(tenant)s AND written_by_key = %(key)s LIMIT 1001
    ) AS event
), (
    SELECT count(*) FROM (
        SELECT FROM memory_belief
        WHERE tenant_id = %(tenant)s AND written_by_key = %(key)s AND ended_at IS NULL LIMIT 1001
    ) AS belief
)
"""


class Written(NamedTuple):
    """How many events and active beliefs of a key exist. 1,001 means more than 1,000."""

    events: int
    beliefs: int


class Writer(NamedTuple):
    key_id: UUID | None
    name: str | None
    events: int


def newest_writers(tenant_id: UUID) -> list[Writer]:
    """Who wrote the newest 1,000 events: the top five, most first. Call in `tenant_transaction`.

    Each key counts separately. Events that no key wrote count as one writer: people and imports.
    """
    with connection.cursor() as cursor:
        cursor.execute(WRITERS, {"tenant": tenant_id})
        return [Writer(*row) for row in cursor.fetchall()]


def written_by_key(key: APIKey) -> Written:
    """Call in `tenant_transaction`."""
    with connection.cursor() as cursor:
        cursor.execute(WRITTEN, {"tenant": key.tenant_id, "key": key.id})
        return Written(*cursor.fetchone())


def listed_keys(tenant_id: UUID, *, status: str, name: str, sort: str) -> APIKeyQuerySet:
    """The keys that match, at most 500. Without a status, all keys that are not revoked."""
    keys = in_state(APIKey.objects.for_tenant(tenant_id).select_related("tenant"), status)
    if name:
        keys = keys.filter(Q(name__icontains=name) | Q(last4=name) | Q(prefix=name))
    return keys.order_by(*SORTS.get(sort, SORTS["created"]))[:MOST_KEYS]


def key_choices(principal: Principal) -> list[tuple[UUID, str]]:
    """The keys to filter a list by, including revoked ones, because their rows remain. Only admins may list keys."""
    if not IsTenantAdmin.allows(principal):
        return []
    keys = APIKey.objects.for_tenant(principal.tenant_id)
    return list(keys.order_by("name", "id").values_list("id", "name")[:MOST_KEYS])


def writer_names(tenant_id: UUID, rows: Iterable[Remembered]) -> dict[UUID, str]:
    """The names of the keys and users that wrote these rows, by id."""
    rows = list(rows)
    key_ids = {row.written_by_key for row in rows if row.written_by_key}
    user_ids = {row.written_by_user for row in rows if row.written_by_user}
    keys = APIKey.objects.for_tenant(tenant_id).filter(id__in=key_ids).values_list("id", "name")
    people = User.objects.filter(tenant_id=tenant_id, id__in=user_ids).values_list("id", "full_name")
    return dict(keys.union(people))
