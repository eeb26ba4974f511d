"""What is kept of an event, and what is refused."""

from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.factories import anonymous_client, client_for, make_key
from tests.memory.reading import faults

EVENT = {"event_type": "user_message", "content": {"text": "hello"}, "user_id": "ada"}
WHOLE = EVENT | {"agent_id": "planner", "thread_id": "t 1", "occurred_at": "2026-01-31T12:00:00.123456Z"}
LARGEST = 64 * 1024


def post(client: APIClient, **fields: Any) -> Response:
    return client.post("/v1/events", EVENT | fields)


def content_of(size: int) -> dict[str, str]:
    """A content of so many bytes as compact UTF-8; its first character takes two."""
    return {"text": "é" + "x" * (size - len('{"text":"é"}'.encode()))}


def test_event_is_kept_as_sent(editor_key: APIClient) -> None:
    created = editor_key.post("/v1/events", WHOLE)
    assert created.status_code == 201
    event = created.json()
    assert {name: event[name] for name in WHOLE} == WHOLE
    assert set(event) - set(WHOLE) == {"id", "created_at", "written_by_key", "written_by_user"}
    assert editor_key.get(f"/v1/events/{event['id']}").json() == event
    assert editor_key.get("/v1/events").json() == {"items": [event], "next_cursor": None}


def test_event_names_the_key_that_wrote_it(acme: Tenant) -> None:
    key, text = make_key(acme)
    event = post(anonymous_client(HTTP_X_API_KEY=text)).json()
    assert (event["written_by_key"], event["written_by_user"]) == (str(key.id), None)


def test_event_names_the_person_who_wrote_it(acme_editor: User) -> None:
    event = post(client_for(acme_editor)).json()
    assert (event["written_by_key"], event["written_by_user"]) == (None, str(acme_editor.id))


def test_event_happened_now_unless_told(editor_key: APIClient) -> None:
    before = timezone.now()
    event = post(editor_key).json()
    for name in ("occurred_at", "created_at"):
        moment = parse_datetime(event[name])
        assert moment
        assert before <= moment <= timezone.now()


ABSENT = [{}, {"agent_id": None, "thread_id": None, "occurred_at": None}, {"agent_id": "", "thread_id": ""}]


@pytest.mark.parametrize("absent", ABSENT)
def test_absent_null_and_empty_are_the_same(absent: dict[str, Any], editor_key: APIClient) -> None:
    event = post(editor_key, **absent).json()
    assert (event["agent_id"], event["thread_id"]) == (None, None)
    assert event["occurred_at"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("event_type", "x" * 64),
        ("event_type", " padded\n"),
        ("event_type", " "),
        ("user_id", "x" * 255),
        ("user_id", "🦉" * 255),
        ("user_id", " ada\n\tlovelace "),
        ("user_id", " "),
        ("user_id", "100%/a?b#c\\"),
        ("agent_id", "x" * 255),
        ("thread_id", "x" * 255),
        ("content", {}),
        ("content", content_of(LARGEST)),
        ("content", {"": None, "deep": [[[{"a": [1, 2.5, True, "\u2028\t\x7f\\u0000"]}]]]}),
        ("content", {"largest": 2**64 - 1, "smallest": -(2**63)}),
    ],
    ids=lambda part: str(part)[:30],
)
def test_value_is_kept_exactly(name: str, value: Any, editor_key: APIClient) -> None:
    created = post(editor_key, **{name: value})
    assert created.status_code == 201, created.content
    assert created.json()[name] == value
    assert editor_key.get(f"/v1/events/{created.json()['id']}").json()[name] == value


@pytest.mark.parametrize("number", [1e16, 1e19, 1e30, -1e19, 1.7976931348623157e308, 1e-7, 5e-324])
def test_large_and_small_numbers_are_readable_again(number: float, editor_key: APIClient) -> None:
    assert post(editor_key, content={"number": number}).status_code == 201
    [event] = editor_key.get("/v1/events").json()["items"]
    assert event["content"]["number"] == number
    assert editor_key.get(f"/v1/events/{event['id']}").json() == event


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-01-31T14:00:00+02:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_moment_is_kept_in_utc(sent: str, kept: str, editor_key: APIClient) -> None:
    assert post(editor_key, occurred_at=sent).json()["occurred_at"] == kept
    assert editor_key.get("/v1/events").json()["items"][0]["occurred_at"] == kept


def test_unknown_field_is_ignored(editor_key: APIClient) -> None:
    event = post(editor_key, id="01900000-0000-7000-8000-000000000000", created_at="2000-01-01T00:00:00Z", mood="?")
    assert event.status_code == 201
    assert event.json()["id"] != "01900000-0000-7000-8000-000000000000"
    assert not event.json()["created_at"].startswith("2000")
    assert "mood" not in event.json()


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("event_type", "x" * 65, "max_length"),
        ("event_type", "", "blank"),
        ("event_type", None, "null"),
        ("event_type", ["user_message"], "invalid"),
        ("user_id", "x" * 256, "max_length"),
        ("user_id", "", "blank"),
        ("user_id", None, "null"),
        ("user_id", {"id": 1}, "invalid"),
        ("user_id", True, "invalid"),
        ("agent_id", "x" * 256, "max_length"),
        ("thread_id", "x" * 256, "max_length"),
        ("content", None, "null"),
        ("content", "text", "not_an_object"),
        ("content", [{"text": "hello"}], "not_an_object"),
        ("content", 1, "not_an_object"),
        ("content", content_of(LARGEST + 1), "too_large"),
        ("occurred_at", "yesterday", "invalid"),
        ("occurred_at", "2026-02-30T00:00:00Z", "invalid"),
        ("occurred_at", "0001-01-01T00:00:00+14:00", "overflow"),
        ("occurred_at", 1769860800, "invalid"),
    ],
    ids=lambda part: str(part)[:30],
)
def test_bad_value_is_refused_and_nothing_written(name: str, value: Any, code: str, editor_key: APIClient) -> None:
    assert faults(post(editor_key, **{name: value})) == [(name, code)]
    assert editor_key.get("/v1/events").json()["items"] == []


def test_numbers_count_as_postgresql_writes_them_out(editor_key: APIClient) -> None:
    """1e308 takes 5 bytes to send and 309 to keep."""
    assert faults(post(editor_key, content={"numbers": [1e308] * 300})) == [("content", "too_large")]
    assert post(editor_key, content={"text": "1e308 " * 300}).status_code == 201


@pytest.mark.parametrize("name", ["event_type", "content", "user_id"])
def test_field_must_be_there(name: str, editor_key: APIClient) -> None:
    fields = {field: value for field, value in EVENT.items() if field != name}
    assert faults(editor_key.post("/v1/events", fields)) == [(name, "required")]


@pytest.mark.parametrize("body", ["[]", "null", "5", '"text"', "[{}]"])
def test_body_must_be_an_object(body: str, editor_key: APIClient) -> None:
    response = editor_key.generic("POST", "/v1/events", body, content_type="application/json")
    assert response.status_code == 422
    assert editor_key.get("/v1/events").json()["items"] == []


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_events_are_append_only(method: str, admin: APIClient) -> None:
    event = post(admin).json()
    one = getattr(admin, method)(f"/v1/events/{event['id']}", {"user_id": "eve"})
    many = getattr(admin, method)("/v1/events", {"user_id": "eve"})
    assert (one.status_code, one["Allow"]) == (405, "GET, HEAD")
    assert (many.status_code, many["Allow"]) == (405, "GET, POST, HEAD")
    assert admin.get("/v1/events").json()["items"] == [event]
