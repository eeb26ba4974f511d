"""What is believed: one active version of a subject's key, made again, superseded and revised."""

from typing import Any

import pytest
from rest_framework.response import Response
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import anonymous_client, make_belief, make_key
from tests.memory.reading import faults, ids

BELIEF = {"subject_id": "ada", "key": "city", "value": "London"}
WHOLE = BELIEF | {"confidence": 0.75, "belief_type": "fact", "domain": "home"}
LONGEST = 64 * 1024


def post(client: APIClient, **fields: Any) -> Response:
    return client.post("/v1/beliefs", BELIEF | fields)


def history(client: APIClient, **params: Any) -> list[dict[str, Any]]:
    return client.get("/v1/beliefs/history/ada/city", params).json()


def test_belief_is_kept_as_sent(acme: Tenant) -> None:
    key, text = make_key(acme)
    client = anonymous_client(HTTP_X_API_KEY=text)
    created = client.post("/v1/beliefs", WHOLE)
    assert created.status_code == 201
    belief = created.json()
    assert {name: belief[name] for name in WHOLE} == WHOLE
    assert belief["status"] == "active"
    assert belief["ended_at"] is None
    assert belief["created_at"] == belief["updated_at"]
    assert (belief["written_by_key"], belief["written_by_user"]) == (str(key.id), None)
    assert client.get(f"/v1/beliefs/{belief['id']}").json() == belief


def test_belief_is_certain_untyped_and_of_no_domain_unless_told(editor_key: APIClient) -> None:
    belief = post(editor_key).json()
    assert (belief["confidence"], belief["belief_type"], belief["domain"]) == (1.0, "belief", None)


@pytest.mark.parametrize(("first", "second", "kept"), [(0.4, 0.6, 0.6), (0.6, 0.4, 0.6), (0.5, 0.5, 0.5)])
def test_same_value_again_is_the_same_row_with_the_greater_confidence(
    first: float, second: float, kept: float, editor_key: APIClient
) -> None:
    created = post(editor_key, confidence=first, domain="home").json()
    again = post(editor_key, confidence=second, domain="work", belief_type="tenet")
    assert again.status_code == 200
    assert again.json() == created | {"confidence": kept, "updated_at": again.json()["updated_at"]}
    assert again.json()["updated_at"] > created["updated_at"]
    assert history(editor_key) == [again.json()]


def test_another_value_is_a_new_version_and_supersedes_the_old(editor_key: APIClient) -> None:
    old = post(editor_key, value="London").json()
    new = post(editor_key, value="Paris")
    assert new.status_code == 201
    assert new.json()["id"] != old["id"]
    [first, second] = history(editor_key)
    assert second == new.json()
    assert first == old | {
        "status": "superseded",
        "ended_at": first["ended_at"],
        "updated_at": first["ended_at"],
    }


def test_versions_follow_on_each_other_without_a_gap(editor_key: APIClient) -> None:
    for value in ("London", "Paris", "Rome"):
        post(editor_key, value=value)
    [london, paris, rome] = history(editor_key)
    assert london["ended_at"] == paris["created_at"]
    assert paris["ended_at"] == rome["created_at"]
    assert rome["ended_at"] is None


def test_a_value_of_the_past_makes_a_version_again(editor_key: APIClient) -> None:
    for value in ("London", "Paris", "London"):
        assert post(editor_key, value=value).status_code == 201
    assert [version["status"] for version in history(editor_key)] == ["superseded", "superseded", "active"]


@pytest.mark.parametrize(
    "fields", [{"value": "london"}, {"value": "London "}, {"value": " London"}, {"value": "Lo\u0301ndon"}]
)
def test_values_are_compared_exactly(fields: dict[str, str], editor_key: APIClient) -> None:
    post(editor_key)
    assert post(editor_key, **fields).status_code == 201
    assert history(editor_key)[-1]["value"] == fields["value"]


@pytest.mark.parametrize("fields", [{"subject_id": "Ada"}, {"subject_id": "ada "}, {"key": "City"}, {"key": "city\n"}])
def test_subjects_and_keys_are_compared_exactly(fields: dict[str, str], editor_key: APIClient) -> None:
    post(editor_key)
    assert post(editor_key, value="Paris", **fields).status_code == 201
    [only] = history(editor_key)
    assert only["status"] == "active"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject_id", " ada\t"),
        ("subject_id", "🦉" * 255),
        ("key", " \n "),
        ("key", "x" * 255),
        ("value", "  two  spaces\r\n\ttab \u2028"),
        ("value", " "),
        ("value", "🦉" * LONGEST),
        ("value", "\\N \\u0000 \x01\x7f"),
        ("domain", " d "),
        ("confidence", 0.0),
        ("confidence", 1.0),
        ("confidence", 5e-324),
        ("confidence", 0.1 + 0.2),
        ("belief_type", "preference"),
    ],
    ids=lambda part: repr(part)[:24],
)
def test_value_is_kept_exactly(name: str, value: Any, editor_key: APIClient) -> None:
    created = post(editor_key, **{name: value})
    assert created.status_code == 201, created.content
    assert created.json()[name] == value
    assert editor_key.get(f"/v1/beliefs/{created.json()['id']}").json()[name] == value


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("subject_id", "", "blank"),
        ("subject_id", None, "null"),
        ("subject_id", "x" * 256, "max_length"),
        ("key", "", "blank"),
        ("key", "x" * 256, "max_length"),
        ("value", "", "blank"),
        ("value", None, "null"),
        ("value", "x" * (LONGEST + 1), "max_length"),
        ("value", {"city": "London"}, "invalid"),
        ("domain", "x" * 256, "max_length"),
        ("belief_type", "hunch", "invalid_choice"),
        ("belief_type", None, "null"),
        ("confidence", 1.0000001, "max_value"),
        ("confidence", -5e-324, "min_value"),
        ("confidence", "NaN", "invalid"),
        ("confidence", "Infinity", "invalid"),
        ("confidence", True, "invalid"),
        ("confidence", False, "invalid"),
        ("confidence", None, "null"),
        ("confidence", [0.5], "invalid"),
        ("confidence", "", "invalid"),
    ],
    ids=lambda part: repr(part)[:24],
)
def test_bad_value_is_refused_and_nothing_written(name: str, value: Any, code: str, editor_key: APIClient) -> None:
    assert faults(post(editor_key, **{name: value})) == [(name, code)]
    assert editor_key.get("/v1/beliefs").json()["items"] == []


@pytest.mark.parametrize(("sent", "status"), [("NaN", 400), ("Infinity", 400), ("1e400", 422), ("0.5.", 400)])
def test_number_that_json_does_not_have_is_refused(sent: str, status: int, editor_key: APIClient) -> None:
    body = f'{{"subject_id": "ada", "key": "city", "value": "London", "confidence": {sent}}}'
    assert editor_key.generic("POST", "/v1/beliefs", body, content_type="application/json").status_code == status


def test_a_confidence_in_quotes_is_a_number_too(editor_key: APIClient) -> None:
    assert post(editor_key, confidence="0.5").json()["confidence"] == 0.5


def test_there_is_one_zero(editor_key: APIClient) -> None:
    assert b'"confidence":0.0' in post(editor_key, confidence=-0.0).content


# Revising


@pytest.fixture
def london(acme: Tenant) -> str:
    return str(make_belief(acme, domain="home").id)


def test_another_value_by_patch_is_a_version_with_the_rest_carried_over(london: str, editor_key: APIClient) -> None:
    changed = editor_key.patch(f"/v1/beliefs/{london}", {"value": "Paris", "confidence": 0.1})
    assert changed.status_code == 200
    [old, new] = history(editor_key)
    assert new == changed.json()
    assert (old["id"], old["value"], old["confidence"], old["status"]) == (london, "London", 0.5, "superseded")
    assert (new["value"], new["confidence"], new["belief_type"], new["domain"]) == ("Paris", 0.1, "fact", "home")


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"confidence": 0.2}, {"confidence": 0.2}),
        ({"belief_type": "tenet"}, {"belief_type": "tenet"}),
        ({"domain": "work"}, {"domain": "work"}),
        ({"domain": None}, {"domain": None}),
        ({"value": "London", "confidence": 0.2}, {"confidence": 0.2}),
        ({"subject_id": "eve", "key": "pin", "status": "inactive"}, {}),
        ({}, {}),
    ],
    ids=str,
)
def test_the_rest_changes_in_place(
    changes: dict[str, Any], kept: dict[str, Any], london: str, editor_key: APIClient
) -> None:
    [before] = history(editor_key)
    changed = editor_key.patch(f"/v1/beliefs/{london}", changes)
    assert changed.status_code == 200
    assert changed.json() == before | kept | {"updated_at": changed.json()["updated_at"]}
    assert history(editor_key) == [changed.json()]


@pytest.mark.parametrize("end", ["superseded", "inactive"])
def test_only_the_active_version_can_be_revised(end: str, london: str, editor_key: APIClient) -> None:
    if end == "inactive":
        editor_key.delete(f"/v1/beliefs/{london}?soft=true")
    else:
        post(editor_key, value="Paris")
    before = history(editor_key)
    refused = editor_key.patch(f"/v1/beliefs/{london}", {"confidence": 0.9})
    assert (refused.status_code, refused.json()["code"]) == (409, "belief_not_active")
    assert history(editor_key) == before


def test_bad_revision_changes_nothing(london: str, editor_key: APIClient) -> None:
    before = history(editor_key)
    bad = {"value": "", "confidence": 2, "belief_type": "hunch", "domain": 5 * "x" * 255}
    assert {field for field, _ in faults(editor_key.patch(f"/v1/beliefs/{london}", bad))} == set(bad)
    assert history(editor_key) == before
    assert ids(before) == [london]
