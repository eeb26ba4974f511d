"""A stretch of events that is over becomes an episode, whatever the order and the way in which the events come."""

from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from memory.episodes.windows import LONGEST_WINDOW
from memory.models import UnsettledSpan
from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.factories import key_client
from tests.memory.streams import (
    FIRST,
    LATER,
    MINUTE,
    NOON,
    WAYS,
    event,
    listed,
    make_episodes,
    post_batch,
    post_each,
    shape,
)
from tests.memory.transfers import EPISODE, EVENT, make_file, upload

pytestmark = pytest.mark.django_db(transaction=True)  # episodes are made after the commit

STREAMS: dict[str, tuple[list[dict[str, Any]], list[tuple[str, str, float, float, int]]]] = {
    "one event": ([event(0)], [("ada", "", 0, 0, 1)]),
    "a gap of exactly 30 minutes": ([event(0), event(30)], [("ada", "", 0, 30, 2)]),
    "one second more": ([event(0), event(LATER)], [("ada", "", 0, 0, 1), ("ada", "", LATER, LATER, 1)]),
    "many small gaps": ([event(29 * n) for n in range(20)], [("ada", "", 0, 29 * 19, 20)]),
    "two users in one thread": (
        [event(n, user_id=user, thread_id="t") for n in range(3) for user in ("ada", "bob")],
        [("ada", "t", 0, 2, 3), ("bob", "t", 0, 2, 3)],
    ),
    "two threads and none": (
        [event(n, thread_id=thread) for n in range(3) for thread in ("t", "u", None)],
        [("ada", "", 0, 2, 3), ("ada", "t", 0, 2, 3), ("ada", "u", 0, 2, 3)],
    ),
    "backwards": ([event(-20 * n) for n in range(5)], [("ada", "", -80, 0, 5)]),
    "what joins two stretches comes last": ([event(0), event(50), event(25)], [("ada", "", 0, 50, 3)]),
    "before what was derived": ([event(60), event(120), event(0), event(40)], [
        ("ada", "", 0, 0, 1), ("ada", "", 40, 60, 2), ("ada", "", 120, 120, 1),
    ]),
    "all at one moment": ([event(0)] * 5, [("ada", "", 0, 0, 5)]),
    "a future": ([event(0), event(60), event(10**8)], [("ada", "", 0, 0, 1), ("ada", "", 60, 60, 1)]),
    "first and last moments": (
        [event(0) | {"occurred_at": at} for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")] + [event(0)],
        [("ada", "", FIRST, FIRST, 1), ("ada", "", 0, 0, 1)],
    ),
}  # fmt: skip
OF_THE_FUTURE = ("a future", "first and last moments")  # only an import may write such events


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name in STREAMS for way in (WAYS if name not in OF_THE_FUTURE else ["import"])]
)
def test_streams_become_episodes(name: str, way: str, admin_key: APIClient) -> None:
    events, expected = STREAMS[name]
    WAYS[way](admin_key, events)
    make_episodes()
    assert shape(admin_key) == sorted(expected)
    before = listed(admin_key)
    assert make_episodes() == 0
    assert listed(admin_key) == before


def test_an_episode_tells_what_it_is_made_of(admin_key: APIClient) -> None:
    kinds = ["system_log", "user_message", "agent_response", "tool_call", "agent_response"]
    sent = [event(n, event_type=kind, agent_id="planner", text=f"  {kind}\n here ") for n, kind in enumerate(kinds)]
    post_each(admin_key, sent)
    make_episodes()
    [episode] = listed(admin_key)
    ids = [row["id"] for row in admin_key.get("/v1/events").json()["items"]][::-1]
    told = {
        "user_id": "ada",
        "thread_id": None,
        "agent_id": "planner",
        "event_ids": ids,
        "event_count": 5,
        "started_at": sent[0]["occurred_at"],
        "ended_at": sent[-1]["occurred_at"],
        "summary": '"user_message here" and 4 more events'
        " (2 agent_response, 1 system_log, 1 tool_call, 1 user_message)",
        "summary_kind": "extractive",
        "derived": True,
        "consolidation_status": "consolidated",
        "outcome": None,
        "tags": [],
        "written_by_key": None,
        "written_by_user": None,
    }
    assert {name: episode[name] for name in told} == told
    assert admin_key.get(f"/v1/episodes/{episode['id']}").json() == episode


@pytest.mark.parametrize(
    ("events", "summary"),
    [
        ([event(0, text="hi")], '"hi" (1 user_message)'),
        ([event(0, text="hi"), event(1)], '"hi" and 1 more event (2 user_message)'),
        ([event(0, content={})], "1 event (1 user_message)"),
        ([event(0, content={"text": 5}), event(1, content={"text": [1]})], "2 events (2 user_message)"),
        ([event(0, text=" \n"), event(1, text="then")], '"then" and 1 more event (2 user_message)'),
        ([event(0, event_type="tool_call")], "1 event (1 tool_call)"),
        ([event(0, text="<b>%s</b> {x} \\' 漢字 🦉")], '"<b>%s</b> {x} \\\' 漢字 🦉" (1 user_message)'),
        ([event(0, text="x" * 200)], f'"{"x" * 200}" (1 user_message)'),
        ([event(0, text="x" * 201)], f'"{"x" * 199}…" (1 user_message)'),
        ([event(0, text="x" * 60_000)], f'"{"x" * 199}…" (1 user_message)'),
        (
            [event(n, event_type=f"type {n}", content={}) for n in range(8)],
            "8 events (1 type 0, 1 type 1, 1 type 2, 1 type 3, 1 type 4, 3 of other types)",
        ),
    ],
    ids=range(11),
)
def test_summary_quotes_and_counts(events: list[dict[str, Any]], summary: str, admin_key: APIClient) -> None:
    post_batch(admin_key, events)
    make_episodes()
    assert [episode["summary"] for episode in listed(admin_key)] == [summary]


def test_an_event_after_the_gap_makes_the_episode_before_it(admin_key: APIClient) -> None:
    """No command is needed. The last stretch waits until it is over."""
    now = timezone.now()
    recent = {"occurred_at": now.isoformat()}
    old = [event(0) | {"occurred_at": (now - minutes * MINUTE).isoformat()} for minutes in (50, 45)]
    post_each(admin_key, [*old, event(0) | recent, event(1) | recent])
    assert [episode["event_count"] for episode in listed(admin_key)] == [2]
    assert make_episodes() == 0
    with tenant_transaction(UUID(admin_key.get("/v1/auth/whoami").json()["tenant_id"])):
        assert UnsettledSpan.objects.count() == 1


def test_ingested_text_belongs_to_an_episode(acme: Tenant, admin_key: APIClient, settings: Any) -> None:
    assert admin_key.post("/v1/ingest", {"user_id": "ada", "text": "I like tea."}).status_code == 200
    assert make_episodes() == 0
    settings.EPISODE_GAP = timedelta(microseconds=1)  # now the stretch is over
    with tenant_transaction(acme.id):
        UnsettledSpan.objects.update(due_at=NOON)
    assert make_episodes() == 1
    assert [episode["event_count"] for episode in listed(admin_key)] == [1]


@pytest.mark.parametrize("apart", [timedelta(seconds=1), timedelta(0)], ids=["in turn", "all at once"])
@pytest.mark.parametrize("way", ["batch", "import"])
def test_a_stretch_ends_after_1000_events(way: str, apart: timedelta, admin_key: APIClient) -> None:
    WAYS[way](admin_key, [event(n * (apart / MINUTE)) for n in range(2 * LONGEST_WINDOW + 1)])
    make_episodes()
    assert sorted(episode["event_count"] for episode in listed(admin_key)) == [1, 1000, 1000]
    named = [id for episode in listed(admin_key) for id in episode["event_ids"]]
    assert len(set(named)) == len(named) == 2 * LONGEST_WINDOW + 1
    post_each(admin_key, [event(-1)])
    make_episodes()
    assert sorted(episode["event_count"] for episode in listed(admin_key)) == [2, 1000, 1000]


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 20))])
def test_the_order_of_arrival_does_not_matter(seed: int, acme: Tenant, globex: Tenant) -> None:
    random = Random(seed)
    moments = [random.randrange(600) for _ in range(40)]
    rows = [
        {**EVENT, **event(at), "id": str(UUID(int=n + 1)), "thread_id": random.choice([None, "t"])}
        for n, at in enumerate(moments)
    ]
    found = []
    for tenant, in_order in ((acme, True), (globex, False)):
        if not in_order:
            random.shuffle(rows)
        admin_key = key_client(tenant, Role.ADMIN)
        for part in range(0, len(rows), 1 if not in_order else 40):
            upload(admin_key, make_file(*rows[part : part + (1 if not in_order else 40)]))
            if random.random() < 0.5:
                make_episodes()
        make_episodes()
        found.append([{**episode, "created_at": None} for episode in listed(admin_key)])
    names = ("id", "event_ids", "summary", "started_at", "ended_at")
    assert [[episode[name] for name in names] for episode in found[0]] == [
        [episode[name] for name in names] for episode in found[1]
    ]
    assert sum(episode["event_count"] for episode in found[0]) == 40


@pytest.mark.parametrize("at", [10, 20, 30, 40, 5000])
def test_a_forged_episode_is_beside_the_made_ones(at: float, admin_key: APIClient) -> None:
    """The file says that the episode was derived, and the episode names an event of another stream."""
    others = {**EVENT, **event(0, user_id="bob")}
    rows = [{**event(minutes, thread_id="t"), "type": "event", "id": str(uuid4())} for minutes in (20, 40, 9500)]
    rows = [{**EVENT, **row} for row in rows]
    times = {"started_at": event(at)["occurred_at"], "ended_at": event(9000)["occurred_at"], "thread_id": "t"}
    forged = {**EPISODE, **times, "derived": True, "summary_kind": "extractive"}
    assert upload(admin_key, make_file(others, *rows, forged)).status_code == 200
    make_episodes()
    assert make_episodes() == 0
    assert sorted(count for *_, count in shape(admin_key)) == [1, 1, 1, 2]
