"""Tenants with as many rows as a comparison needs, made by PostgreSQL itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from django.db import connection

from memory.counts.recount import recount
from memory.transactions import tenant_transaction
from tenants.models import Tenant

TABLES: Final = ("memory_event", "memory_belief", "memory_episode")
AT_ONCE: Final = 500_000  # rows in one statement
MANY: Final = 200_000  # rows for which it pays to make the indexes afterwards
FEW_BELIEFS, MANY_BELIEFS = 50, 2_000  # of the end users `few` and `many`; all others have 50 each
# 90 days of events; a tenth of them is of one busy end user, the others have 100 each.
EVENTS: Final = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, agent_id, thread_id, occurred_at,
    written_by_key)
SELECT %(tenant)s, ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now(),
    (ARRAY['user_message', 'agent_response', 'tool_call', 'system_log'])[1 + i %% 4],
    jsonb_build_object('number', i, 'text', repeat('The quick brown fox jumps over the lazy dog. ', 3)),
    CASE WHEN i %% 10 = 0 THEN 'busy' ELSE 'user ' || i / 100 END, 'agent ' || i %% 7, 'thread ' || i / 20,
    now() - (%(rows)s::bigint - i) * (interval '90 days' / %(rows)s::bigint), %(key)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i
"""
BELIEFS: Final = """
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, subject_id, key, value, confidence, belief_type,
    domain, status, written_by_key)
SELECT %(tenant)s, ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, now(), now(),
    CASE WHEN i <= 50 THEN 'few' WHEN i <= 2050 THEN 'many' ELSE 'user ' || i / 50 END, 'topic_' || i,
    'Prefers the ' || (ARRAY['green', 'white', 'black', 'red'])[1 + i %% 4] || ' tea of garden ' || i %% 997,
    0.8, 'preference', 'domain ' || i %% 9, 'active', %(key)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i
"""
KEYS: Final = """
INSERT INTO apikeys_apikey (id, tenant_id, name, role, digest, prefix, last4, created_by_label, created_at,
    last_used_agent, allowed_ips)
SELECT gen_random_uuid(), %s, 'key ' || i, 'editor', sha256(convert_to('no key ' || i, 'UTF8')), 'mg_live_none', 'none',
    'bench', now(), '', '{}'
FROM generate_series(%s::bigint, %s::bigint) AS i
"""


def fill(tenant_id: UUID, key_id: UUID, *, events: int, beliefs: int) -> None:
    """Under the tenant's setting, as every statement on these tables."""
    for statement, rows in ((EVENTS, events), (BELIEFS, beliefs)):
        for first in range(1, rows + 1, AT_ONCE):
            values = {"tenant": tenant_id, "key": key_id, "rows": rows}
            values |= {"first": first, "last": min(first + AT_ONCE - 1, rows)}
            with tenant_transaction(tenant_id, unhurried=True), connection.cursor() as cursor:
                cursor.execute(statement, values)


def fill_keys(tenant_id: UUID, first: int, last: int) -> None:
    """The keys with these numbers. Their digests are of `no key` and the number."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for start in range(first, last + 1, AT_ONCE):
            cursor.execute(KEYS, [tenant_id, start, min(start + AT_ONCE - 1, last)])


@contextmanager
def indexes_afterwards(rows: int) -> Iterator[None]:
    """Without the secondary indexes while many rows come; afterwards they all are there again, as they were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND indexdef NOT LIKE '%% UNIQUE %%'",
            [list(TABLES)],
        )
        indexes = dict(cursor.fetchall()) if rows > MANY else {}
        for name in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for definition in indexes.values():
            cursor.execute(definition)
        cursor.execute("RESET maintenance_work_mem")


def settle() -> None:
    """What PostgreSQL and our own counters would otherwise catch up with while it is measured."""
    for tenant_id in Tenant.objects.values_list("id", flat=True):
        recount(tenant_id, repair=True)
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (ANALYZE) {', '.join(TABLES)}, apikeys_apikey")
