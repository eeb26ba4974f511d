"""The list of events: its order, filters and pages. The other lists share the code for pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import key_client, make_belief, make_event, make_key
from tests.memory.reading import faults, ids, pages

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_newest_comes_first_by_when_it_happened(acme: Tenant, editor_key: APIClient) -> None:
    made = [make_event(acme, occurred_at=NOON + shift * MINUTE) for shift in (0, 2, 1, 1, -5)]
    newest_first = [made[1], made[3], made[2], made[0], made[4]]
    assert ids(editor_key.get("/v1/events").json()["items"]) == [str(event.id) for event in newest_first]


@pytest.fixture
def events(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """Id by name; Globex has its double of each."""
    kinds: dict[str, dict[str, Any]] = {
        "plain": {},
        "bob's": {"user_id": "bob"},
        "planner's": {"agent_id": "planner"},
        "in thread": {"thread_id": "t 1"},
        "tool call": {"event_type": "tool_call"},
        "old": {"occurred_at": NOON - MINUTE},
    }
    for tenant in (globex, acme):
        made = {name: make_event(tenant, **{"occurred_at": NOON} | fields) for name, fields in kinds.items()}
    return {name: str(event.id) for name, event in made.items()}


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"user_id": "bob"}, {"bob's"}),
        ({"user_id": "BOB"}, set()),
        ({"user_id": "bo"}, set()),
        ({"user_id": "bob "}, set()),
        ({"user_id": "b%"}, set()),
        ({"agent_id": "planner"}, {"planner's"}),
        ({"thread_id": "t 1"}, {"in thread"}),
        ({"event_type": "tool_call"}, {"tool call"}),
        ({"user_id": "ada", "event_type": "tool_call"}, {"tool call"}),
        ({"user_id": "bob", "event_type": "tool_call"}, set()),
        ({"until": "2026-01-31T12:00:00Z"}, {"old"}),
        ({"since": "2026-01-31T11:59:00Z", "until": "2026-01-31T12:00:00Z"}, {"old"}),
        ({"since": "2026-01-31T13:59:00.000001+02:00", "until": "2026-01-31T12:00:00Z"}, set()),
        ({"since": "2026-01-31T12:00:00.000001Z"}, set()),
        ({"until": "2026-01-31", "since": "2026-01-30"}, set()),
    ],
    ids=str,
)
def test_filter(filters: dict[str, str], found: set[str], events: dict[str, str], editor_key: APIClient) -> None:
    names = {id: name for name, id in events.items()}
    assert {names[id] for id in ids(editor_key.get("/v1/events", filters).json()["items"])} == found


def test_filter_by_the_moment_takes_in_its_start(events: dict[str, str], editor_key: APIClient) -> None:
    since = {"since": "2026-01-31T12:00:00Z"}
    assert set(ids(editor_key.get("/v1/events", since).json()["items"])) == set(events.values()) - {events["old"]}


def test_filter_by_author(acme: Tenant, events: dict[str, str]) -> None:
    key, text = make_key(acme)
    client = key_client(acme)
    client.credentials(HTTP_X_API_KEY=text)
    written = client.post("/v1/events", {"event_type": "x", "content": {}, "user_id": "ada"}).json()
    assert ids(client.get("/v1/events", {"written_by_key": key.id}).json()["items"]) == [written["id"]]
    assert client.get("/v1/events", {"written_by_user": key.id}).json()["items"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("until", ""),
        ("user_id", ""),
        ("user_id", "a\0"),
        ("user_id", "x" * 256),
        ("event_type", "x" * 65),
        ("written_by_key", "me"),
        *(("limit", text) for text in ("0", "201", "-1", "1.5", "", "x", "٣", "²", "1e1", "99999999999999999999")),
        *(("cursor", text) for text in ("x", "W10", "null", "a:b:c", "%00", "é", "x" * 4000)),
    ],
)
def test_bad_query_is_refused(name: str, value: str, acme: Tenant, editor_key: APIClient) -> None:
    make_event(acme)
    [(field, _)] = faults(editor_key.get("/v1/events", {name: value}))
    assert field == name


def test_fifty_are_listed_unless_told_and_two_hundred_at_most(acme: Tenant, editor_key: APIClient) -> None:
    for _ in range(201):
        make_event(acme)
    assert [len(page) for page in pages(editor_key, "/v1/events")] == [50, 50, 50, 50, 1]
    assert [len(page) for page in pages(editor_key, "/v1/events", limit=200)] == [200, 1]
    assert [len(page) for page in pages(editor_key, "/v1/events", limit=67)] == [67, 67, 67]


@pytest.fixture
def tied(acme: Tenant) -> list[str]:
    """Seven events of two moments, in the order of the list."""
    late = [make_event(acme, occurred_at=NOON + MINUTE) for _ in range(3)]
    early = [make_event(acme, occurred_at=NOON) for _ in range(4)]
    return [str(event.id) for event in [*late[::-1], *early[::-1]]]


@pytest.mark.parametrize("limit", range(1, 9))
def test_pages_hold_every_row_once_also_at_the_same_moment(limit: int, tied: list[str], editor_key: APIClient) -> None:
    read = pages(editor_key, "/v1/events", limit=limit)
    assert [id for page in read for id in ids(page)] == tied
    assert {len(page) for page in read[:-1]} <= {limit}


@pytest.mark.parametrize("filters", [{"user_id": "ada"}, {"since": NOON.isoformat()}, {"until": "2027-01-01"}])
def test_pages_go_on_within_a_filter(filters: dict[str, str], tied: list[str], editor_key: APIClient) -> None:
    read = pages(editor_key, "/v1/events", limit=2, **filters)
    assert [id for page in read for id in ids(page)] == tied


def test_rows_that_arrive_between_pages_move_nothing(acme: Tenant, tied: list[str], editor_key: APIClient) -> None:
    read: list[str] = []
    cursor = None
    while len(read) < len(tied):
        answer = editor_key.get("/v1/events", {"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        read += ids(answer["items"])
        cursor = answer["next_cursor"]
        make_event(acme, occurred_at=NOON + MINUTE)  # a tie with the first page, and newer by its id
        make_event(acme, occurred_at=NOON + 9 * MINUTE)
    assert read == tied
    assert cursor is None


def test_cursor_outlives_the_rows_before_it(acme: Tenant, editor_key: APIClient) -> None:
    assert editor_key.get("/v1/events?limit=1").json() == {"items": [], "next_cursor": None}
    make_event(acme)
    make_event(acme)
    cursor = editor_key.get("/v1/events?limit=1").json()["next_cursor"]
    assert ids(editor_key.get("/v1/events", {"cursor": cursor, "limit": 1}).json()["items"])
    assert editor_key.get("/v1/events", {"cursor": cursor, "limit": 1}).json()["next_cursor"] is None


@pytest.fixture
def cursors(acme: Tenant, globex: Tenant, editor_key: APIClient) -> dict[str, str]:
    for number in range(2):
        make_event(acme)
        make_event(globex)
        make_belief(acme, key=str(number))
    own = editor_key.get("/v1/events?limit=1").json()["next_cursor"]
    payload, stamp, signature = own.split(":")
    return {
        "own": own,
        "of Globex": key_client(globex).get("/v1/events?limit=1").json()["next_cursor"],
        "of beliefs": editor_key.get("/v1/beliefs?limit=1").json()["next_cursor"],
        "other signature": f"{payload}:{stamp}:{signature[::-1]}",
        "other payload": f"{payload[:-4]}AAAA:{stamp}:{signature}",
        "no signature": f"{payload}:{stamp}",
    }


@pytest.mark.parametrize("whose", ["of Globex", "of beliefs", "other signature", "other payload", "no signature"])
def test_foreign_or_forged_cursor_is_refused(whose: str, cursors: dict[str, str], editor_key: APIClient) -> None:
    assert editor_key.get("/v1/events", {"cursor": cursors["own"]}).status_code == 200
    assert faults(editor_key.get("/v1/events", {"cursor": cursors[whose]})) == [("cursor", "invalid")]
