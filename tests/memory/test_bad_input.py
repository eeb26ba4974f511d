"""What no entrance lets in: text that PostgreSQL can't hold, what is too large, and what is nested too deep."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.memory.reading import faults
from tests.memory.transfers import BELIEF, EVENT, make_file, refused_line, upload

pytestmark = pytest.mark.usefixtures("nothing_is_written")
PLACE = "the place"
ONE_EVENT: dict[str, Any] = {"event_type": "x", "user_id": "ada", "content": {"text": PLACE}}
ONE_BELIEF: dict[str, Any] = {"subject_id": "ada", "key": "city", "value": PLACE}
GOOD_EVENT = ONE_EVENT | {"content": {}}
GOOD_BELIEF = ONE_BELIEF | {"key": "name", "value": "Ada"}
ENTRANCES: dict[str, tuple[str, Any, str]] = {
    "event": ("/v1/events", ONE_EVENT, "content"),
    "belief": ("/v1/beliefs", ONE_BELIEF, "value"),
    "events": ("/v1/events/batch", {"events": [GOOD_EVENT, ONE_EVENT]}, "events.1.content"),
    "beliefs": ("/v1/beliefs/batch", {"beliefs": [GOOD_BELIEF, ONE_BELIEF]}, "beliefs.1.value"),
    "ingest": ("/v1/ingest", {"user_id": "ada", "text": PLACE}, "text"),
}
LINES = {"event": EVENT | {"content": {"text": PLACE}}, "belief": BELIEF | {"value": PLACE}}
BAD = {
    "NUL": ('"a\\u0000b"', 422),
    "first half of a pair": ('"\\ud800"', 422),
    "second half": ('"\\udc00"', 422),
    "halves swapped": ('"\\udc00\\ud800"', 422),
    "raw NUL": ('"a\0b"', 400),
    "64 KiB + 1": (json.dumps("x" * (64 * 1024 + 1)), 422),
    "deep": ("[" * 60 + "]" * 60, 400),
    "deep objects": ('{"a":' * 60 + "1" + "}" * 60, 400),
    "very deep": ("[" * 100_000, 400),
}


def with_bad(good: Any, bad: str) -> bytes:
    return json.dumps(good).replace(json.dumps(PLACE), bad).encode()


@pytest.mark.parametrize(("bad", "status"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_bad_input_is_refused_everywhere(entrance: str, bad: str, status: int, admin: APIClient) -> None:
    path, good, field = ENTRANCES[entrance]
    response = admin.generic("POST", path, with_bad(good, bad), "application/json")
    assert response.status_code == status, response.content
    if status == 422:
        places = [error["field"] for error in response.json()["errors"]]
        assert places == [f"{field}.text" if field.endswith("content") and "xx" not in bad else field]
    elif "deep" in response.json()["detail"]:
        assert ".1." not in field or field.rpartition(".")[0] in response.json()["detail"]


@pytest.mark.parametrize("bad", [bad for bad, _ in BAD.values()], ids=BAD)
@pytest.mark.parametrize("kind", LINES)
def test_bad_input_is_refused_in_a_file(kind: str, bad: str, admin: APIClient) -> None:
    line = with_bad(LINES[kind], bad) + b"\n"
    assert refused_line(upload(admin, make_file(EVENT, line))) == 3


def test_content_of_64_kib_is_let_in_and_not_a_byte_more(admin: APIClient) -> None:
    longest = "x" * (64 * 1024 - len('{"text":""}'))
    refused = admin.post("/v1/events", ONE_EVENT | {"content": {"text": longest + "x"}})
    assert faults(refused) == [("content", "too_large")]
    assert refused_line(upload(admin, make_file(EVENT | {"content": {"text": longest + "x"}}))) == 2
    assert upload(admin, make_file(EVENT | {"content": {"text": longest}}), "dry_run=true").status_code == 200
