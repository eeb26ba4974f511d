"""One large tenant beside smaller ones, in which every filter has a value that is frequent and one that is rare."""

from dataclasses import dataclass
from typing import Final

from django.db import connection

from apikeys.models import APIKey
from memory.counts.recount import recount
from memory.models import Belief, EndUser, Episode, Event, Tally
from memory.transactions import tenant_transaction
from memory.transactions.changes import SLOTS
from tenants.models import AuditHead, Tenant
from tests.factories import make_tenant

BUSY: Final = 5_000  # rows of the busiest user; all others share the rest evenly
FREQUENT: Final = "00000000-0000-4000-8000-000000000001"  # who wrote half of all rows
RARE: Final = "00000000-0000-4000-8000-000000000002"
TABLES: Final = ", ".join(model._meta.db_table for model in (Event, Belief, Episode, EndUser, Tally))
FILL: Final = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, agent_id, thread_id, occurred_at,
    written_by_key, written_by_user)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), CASE WHEN rare THEN 'rare' ELSE 'type ' || i %% 7 END,
    '{"n": 1}', CASE WHEN i <= %(busy)s THEN 'busy' ELSE 'user ' || i %% %(users)s END,
    CASE WHEN rare THEN 'rare' WHEN i %% 3 > 0 THEN 'agent ' || i %% 5 END,
    CASE WHEN i %% 2 = 0 THEN 'thread ' || i / 20 END, now() - i * interval '1 min',
    CASE WHEN i %% 2 = 0 THEN writer END, CASE WHEN i %% 2 = 1 THEN writer END
FROM (SELECT i, i %% 20011 < 2 AS rare, CASE WHEN i %% 20011 < 2 THEN %(rare)s ELSE %(frequent)s END::uuid AS writer
    FROM generate_series(1, %(events)s) AS i) AS made;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, ended_at, subject_id, key, value, confidence,
    belief_type, domain, status, written_by_key, written_by_user)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now() + i * interval '1 s', now(),
    CASE WHEN NOT active THEN now() END, CASE WHEN i <= %(busy)s THEN 'busy' ELSE 'user ' || i %% %(users)s END,
    CASE WHEN active THEN 'key ' || i ELSE 'key' END, 'value ' || i, 0.5, CASE WHEN rare THEN 'tenet' ELSE 'fact' END,
    CASE WHEN rare THEN 'rare' ELSE 'domain ' || i %% 9 END, CASE WHEN active THEN 'active' ELSE 'superseded' END,
    CASE WHEN i %% 4 < 2 THEN writer END, CASE WHEN i %% 4 >= 2 THEN writer END
FROM (SELECT i, i %% 2 = 0 AS active, i %% 10012 < 4 AS rare,
        CASE WHEN i %% 10012 < 4 THEN %(rare)s ELSE %(frequent)s END::uuid AS writer
    FROM generate_series(1, %(beliefs)s) AS i) AS made;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, ended_at, subject_id, key, value, confidence,
    belief_type, status)
SELECT %(tenant)s, lpad(to_hex(i), 32, 'a0000000')::uuid, now(), now(), CASE WHEN i > 3 THEN now() END, 'changing',
    CASE WHEN i > 3 THEN 'mood' ELSE 'key ' || i END, 'v', 0.5, 'fact',
    CASE WHEN i > 3 THEN 'superseded' ELSE 'active' END
FROM generate_series(1, %(busy)s) AS i;
INSERT INTO memory_episode (tenant_id, id, created_at, user_id, agent_id, thread_id, summary, tags, outcome,
    consolidation_status, started_at, event_ids, written_by_key, written_by_user)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), 'user ' || i %% %(users)s,
    CASE WHEN rare THEN 'rare' WHEN i %% 3 > 0 THEN 'agent ' || i %% 5 END,
    CASE WHEN i %% 2 = 0 THEN 'thread ' || i / 20 END, 's', '{}',
    CASE WHEN rare THEN 'escalated' WHEN i %% 3 > 0 THEN 'completed' END,
    CASE WHEN rare THEN 'processing' ELSE 'pending' END, now() - i * interval '1 min', '{}',
    CASE WHEN i %% 2 = 0 THEN writer END, CASE WHEN i %% 2 = 1 THEN writer END
FROM (SELECT i, i %% 4004 < 2 AS rare, CASE WHEN i %% 4004 < 2 THEN %(rare)s ELSE %(frequent)s END::uuid AS writer
    FROM generate_series(1, %(episodes)s) AS i) AS made
"""

YEARS: Final = """
INSERT INTO memory_tally (tenant_id, day, slot, events, beliefs, episodes, users)
SELECT %(tenant)s, current_date - age, slot, 0, 0, 0, 0
FROM generate_series(0, 3650) AS age CROSS JOIN generate_series(0, %(slots)s - 1) AS slot
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A user has as many rows in every crowd, so that what one page may read is the same number in all of them."""

    events: int
    beliefs: int
    episodes: int
    users: int
    others: int  # tenants, each of a share of the large one's rows
    share: int


SMALL: Final = Size(events=50_000, beliefs=20_000, episodes=10_000, users=500, others=5, share=20)
LARGE: Final = Size(events=1_000_000, beliefs=100_000, episodes=50_000, users=10_000, others=100, share=100)
EVENTS_OF_ONE, BELIEFS_OF_ONE, EPISODES_OF_ONE = 100, 40, 20  # user who is not busy, at most


def make_crowd(size: Size) -> Tenant:
    tenants = [make_tenant(f"Tenant {number}") for number in range(size.others + 1)]
    for tenant in tenants:
        fill(tenant, size, 1 if tenant is tenants[0] else size.share)
        recount(tenant.id, repair=True)
    age(tenants[0])
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLES}")
    return tenants[0]


def fill(tenant: Tenant, size: Size, share: int) -> None:
    counts = {"events": size.events, "beliefs": size.beliefs, "episodes": size.episodes, "busy": BUSY}
    params = {"tenant": str(tenant.id), "users": size.users, "frequent": FREQUENT, "rare": RARE}
    params |= {name: count // share for name, count in counts.items()}
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        for statement in FILL.split(";\n"):
            cursor.execute(statement, params)


def age(tenant: Tenant) -> None:
    """Counts of ten years, in all slots."""
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        cursor.execute(YEARS, {"tenant": str(tenant.id), "slots": SLOTS})


def remove_crowd() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES}")
    APIKey.objects.all().delete()
    AuditHead.objects.all().delete()
    Tenant.objects.all().delete()
