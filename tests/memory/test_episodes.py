"""Episodes: what is kept of them, how they change, and their list."""

from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from memory.models import Episode
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import anonymous_client, key_client, make_episode, make_event, make_key
from tests.memory.reading import faults, ids, pages

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
EPISODE = {"user_id": "ada", "summary": "They spoke."}
WHOLE = EPISODE | {
    "agent_id": "planner",
    "thread_id": "t 1",
    "summary": "  They spoke.\n\tThen left. ",
    "tags": ["travel", "ключ 🦉", "travel"],
    "outcome": "escalated",
    "consolidation_status": "processing",
    "started_at": "2026-01-31T12:00:00.123456Z",
    "ended_at": "2026-01-31T12:00:00.123456Z",
}


def post(client: APIClient, **fields: Any) -> Response:
    return client.post("/v1/episodes", EPISODE | fields)


def test_episode_is_kept_as_sent(acme: Tenant) -> None:
    key, text = make_key(acme)
    client = anonymous_client(HTTP_X_API_KEY=text)
    sent = WHOLE | {"event_ids": [str(make_event(acme).id) for _ in range(2)][::-1]}
    created = client.post("/v1/episodes", sent)
    assert created.status_code == 201, created.content
    episode = created.json()
    assert {name: episode[name] for name in sent} == sent
    assert (episode["written_by_key"], episode["written_by_user"]) == (str(key.id), None)
    assert client.get(f"/v1/episodes/{episode['id']}").json() == episode
    assert client.get("/v1/episodes").json() == {"items": [episode], "next_cursor": None}


def test_episode_is_open_and_bare_unless_told(editor_key: APIClient) -> None:
    before = timezone.now()
    episode = post(editor_key, agent_id="", thread_id=None).json()
    assert before <= datetime.fromisoformat(episode["started_at"]) <= timezone.now()
    bare = {"agent_id": None, "thread_id": None, "outcome": None, "ended_at": None, "tags": [], "event_ids": []}
    assert {name: episode[name] for name in bare} == bare
    assert episode["consolidation_status"] == "pending"


@pytest.mark.parametrize(
    ("name", "value", "place", "code"),
    [
        ("user_id", "", "user_id", "blank"),
        ("user_id", "x" * 256, "user_id", "max_length"),
        ("summary", "", "summary", "blank"),
        ("summary", "x" * (64 * 1024 + 1), "summary", "max_length"),
        ("tags", None, "tags", "null"),
        ("tags", "travel", "tags", "not_a_list"),
        ("tags", ["x"] * 51, "tags", "max_length"),
        ("tags", [[]] * 9_900, "tags", "max_length"),
        ("event_ids", [[]] * 9_900, "event_ids", "max_length"),
        ("tags", ["fine", "x" * 65], "tags.1", "max_length"),
        ("tags", [""], "tags.0", "blank"),
        ("tags", ["two\nlines"], "tags.0", "control_character"),
        ("outcome", "won", "outcome", "invalid_choice"),
        ("consolidation_status", None, "consolidation_status", "null"),
        ("consolidation_status", "done", "consolidation_status", "invalid_choice"),
        ("started_at", None, "started_at", "null"),
        ("started_at", "then", "started_at", "invalid"),
        ("ended_at", "2026-01-31T11:59:59Z", "ended_at", "ends_before_start"),
        ("event_ids", ["1"], "event_ids.0", "invalid"),
        ("event_ids", ["01a208d9-5cc5-74e6-887b-8ca0e8a70576"] * 1001, "event_ids", "max_length"),
    ],
    ids=lambda part: repr(part)[:24],
)
def test_bad_value_is_refused_by_post_and_patch(
    name: str, value: Any, place: str, code: str, acme: Tenant, editor_key: APIClient
) -> None:
    assert faults(post(editor_key, **{"started_at": NOON.isoformat(), name: value})) == [(place, code)]
    kept = make_episode(acme, started_at=NOON)
    assert faults(editor_key.patch(f"/v1/episodes/{kept.id}", {name: value})) == [(place, code)]
    [episode] = editor_key.get("/v1/episodes").json()["items"]
    assert episode["summary"] == "They spoke."


@pytest.fixture(params=["of nobody", "of Globex"])
def unknown_event(request: pytest.FixtureRequest, globex: Tenant) -> str:
    return str(make_event(globex).id if request.param == "of Globex" else uuid4())


def test_events_of_an_episode_must_be_there(unknown_event: str, acme: Tenant, editor_key: APIClient) -> None:
    event_ids = [str(make_event(acme).id), unknown_event]
    refused = post(editor_key, event_ids=event_ids)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_event")
    episode = post(editor_key, event_ids=event_ids[:1] * 2).json()
    refused = editor_key.patch(f"/v1/episodes/{episode['id']}", {"event_ids": event_ids})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_event")
    assert editor_key.get("/v1/episodes").json()["items"] == [episode]


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": " Another. "},
        {"tags": []},
        {"outcome": "completed", "ended_at": "2026-01-31T13:00:00Z"},
        {"outcome": None, "ended_at": None, "agent_id": None},
        {"consolidation_status": "consolidated"},
        {"started_at": "2026-01-31T11:00:00Z"},
        {"user_id": "bob", "thread_id": "t 2", "event_ids": []},
        {},
    ],
    ids=str,
)
def test_patch_changes_what_it_names(changes: dict[str, Any], editor_key: APIClient) -> None:
    other = post(editor_key).json()
    episode = editor_key.post("/v1/episodes", WHOLE).json()
    changed = editor_key.patch(f"/v1/episodes/{episode['id']}", changes | {"id": other["id"]})
    assert (changed.status_code, changed.json()) == (200, episode | changes)
    assert editor_key.get(f"/v1/episodes/{episode['id']}").json() == episode | changes
    assert editor_key.get(f"/v1/episodes/{other['id']}").json() == other


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"started_at": "2026-01-31T12:00:00.123457Z"}, 422),
        ({"ended_at": "2026-01-31T12:00:00.123455Z"}, 422),
        ({"started_at": "2026-01-31T13:00:00Z", "ended_at": "2026-01-31T13:00:00Z"}, 200),
        ({"started_at": "2026-01-31T13:00:00Z", "ended_at": None}, 200),
    ],
)
def test_patch_keeps_the_end_after_the_start(changes: dict[str, Any], status: int, editor_key: APIClient) -> None:
    episode = editor_key.post("/v1/episodes", WHOLE).json()
    assert editor_key.patch(f"/v1/episodes/{episode['id']}", changes).status_code == status


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_keep_the_end_after_the_start(acme: Tenant) -> None:
    client = key_client(acme)
    episode = make_episode(acme, started_at=NOON)
    answers: list[Response] = []

    def end_it() -> None:
        answers.append(client.patch(f"/v1/episodes/{episode.id}", {"ended_at": (NOON + HOUR).isoformat()}))
        connection.close()

    with tenant_transaction(acme.id):
        Episode.objects.update(started_at=NOON + 2 * HOUR)
        other = Thread(target=end_it)
        other.start()
        other.join(0.3)  # it waits for this transaction, as there is no other way to be right
    other.join(5)
    assert faults(answers[0]) == [("ended_at", "ends_before_start")]


@pytest.mark.parametrize("method", ["put", "delete"])
def test_episodes_are_neither_replaced_nor_removed(method: str, acme: Tenant, editor_key: APIClient) -> None:
    response = getattr(editor_key, method)(f"/v1/episodes/{make_episode(acme).id}", EPISODE)
    assert (response.status_code, response["Allow"]) == (405, "GET, PATCH, HEAD")


# The list


@pytest.fixture
def episodes(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """Name by id, newest first; Globex has its double of each."""
    kinds: dict[str, dict[str, Any]] = {
        "old": {"started_at": NOON - HOUR},
        "plain": {},
        "bob's": {"user_id": "bob"},
        "planner's": {"agent_id": "planner"},
        "in thread": {"thread_id": "t 1"},
        "done": {"outcome": "completed", "consolidation_status": "consolidated"},
    }
    for tenant in (globex, acme):
        made = {str(make_episode(tenant, **{"started_at": NOON} | kind).id): name for name, kind in kinds.items()}
    return dict(reversed(made.items()))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["done", "in thread", "planner's", "bob's", "plain", "old"]),
        ({"user_id": "bob"}, ["bob's"]),
        ({"agent_id": "planner"}, ["planner's"]),
        ({"thread_id": "t 1"}, ["in thread"]),
        ({"outcome": "completed"}, ["done"]),
        ({"consolidation_status": "consolidated"}, ["done"]),
        ({"until": "2026-01-31T12:00:00Z"}, ["old"]),
        ({"since": "2026-01-31T12:00:00Z", "user_id": "bob"}, ["bob's"]),
        ({"since": "2026-01-31T12:00:00.000001Z"}, []),
    ],
    ids=str,
)
def test_filter(filters: dict[str, str], found: list[str], episodes: dict[str, str], editor_key: APIClient) -> None:
    assert [episodes[id] for id in ids(editor_key.get("/v1/episodes", filters).json()["items"])] == found
    read = pages(editor_key, "/v1/episodes", limit=2, **filters)
    assert [episodes[id] for page in read for id in ids(page)] == found


@pytest.mark.parametrize("name", ["outcome", "consolidation_status", "since", "user_id", "written_by_key", "limit"])
def test_bad_filter_is_refused(name: str, editor_key: APIClient) -> None:
    [(field, _)] = faults(editor_key.get("/v1/episodes", {name: "\0"}))
    assert field == name
