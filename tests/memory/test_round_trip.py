"""Export, import into an empty tenant, export: the same lines but for whose they are. Once more: nothing changes."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.factories import key_client
from tests.memory.transfers import upload

pytestmark = pytest.mark.django_db(transaction=True)
AUTHORS = ("written_by_key", "written_by_user")
MEMORY = ("event", "belief", "episode")
FILL = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, thread_id, occurred_at)
SELECT %(tenant)s, gen_random_uuid(), now() - i * interval '1 s', 'type ' || i %% 7,
    jsonb_build_object('n', i, 'text', repeat('\\ "\u00e4" ', i %% 20), 'share', i / 7.0),
    'user ' || i %% 99, NULLIF(i %% 3, 0)::text, now() - i * interval '1 min'
FROM generate_series(1, %(events)s) AS i;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, subject_id, key, value, confidence, belief_type,
    status, ended_at, confirmed_by_another)
SELECT %(tenant)s, gen_random_uuid(), now(), now(), 'user ' || i %% 99, 'key ' || i, 'value ' || i, i %% 11 / 10.0,
    'fact', CASE WHEN i %% 4 = 0 THEN 'superseded' ELSE 'active' END, CASE WHEN i %% 4 = 0 THEN now() END, false
FROM generate_series(1, %(events)s / 20) AS i;
INSERT INTO memory_episode (tenant_id, id, created_at, user_id, summary, tags, consolidation_status, started_at,
    event_ids)
SELECT %(tenant)s, gen_random_uuid(), now(), user_id, 'Summary of ' || user_id, ARRAY['a', user_id], 'pending',
    min(occurred_at), (array_agg(id))[1:9]
FROM memory_event WHERE tenant_id = %(tenant)s GROUP BY user_id;
"""


def fill(tenant: Tenant, events: int) -> None:
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        for statement in FILL.split(";\n")[:-1]:
            cursor.execute(statement, {"tenant": tenant.id, "events": events})
    call_command("recount", str(tenant.id), repair=True, stdout=StringIO())


def read_lines(client: APIClient) -> Iterator[bytes]:
    rest = b""
    for chunk in client.get("/v1/admin/export").streaming_content:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    assert rest == b""


def digests(client: APIClient) -> dict[str, str]:
    """Of the whole lines of each type, in their order, without their authors."""
    hashes = {name: hashlib.sha256() for name in MEMORY}
    for line in read_lines(client):
        row = json.loads(line)
        if row["type"] in hashes:
            hashes[row["type"]].update(json.dumps({k: v for k, v in row.items() if k not in AUTHORS}).encode())
    return {name: digest.hexdigest() for name, digest in hashes.items()}


@pytest.mark.parametrize("events", [10_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_what_was_exported_and_imported_is_exported_again(events: int, acme: Tenant, globex: Tenant) -> None:
    fill(acme, events)
    source, target = key_client(acme, Role.ADMIN), key_client(globex, Role.ADMIN)
    file = gzip.compress(b"".join(line + b"\n" for line in read_lines(source)), 1)
    counts = {"event": events, "belief": events // 20, "episode": 99}
    first = upload(target, file, HTTP_CONTENT_ENCODING="gzip").json()
    assert first["created"] == counts
    lines = list(read_lines(target))[1:-1]
    assert len(lines) == sum(counts.values())
    assert digests(target) == digests(source)
    stats = source.get("/v1/stats").json()
    assert target.get("/v1/stats").json() == stats
    again = upload(target, file, HTTP_CONTENT_ENCODING="gzip").json()
    assert (again["created"], again["skipped"]) == (dict.fromkeys(MEMORY, 0), counts)
    assert list(read_lines(target))[1:-1] == lines
    assert target.get("/v1/stats").json() == stats
