"""Forgetting: one belief or many, for good or softly."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import key_client, make_belief
from tests.memory.reading import faults


@pytest.fixture
def beliefs(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """Ada's city in two versions, her name and her work, and what must stay: Bob's and Globex's."""
    make_belief(globex)
    make_belief(acme, subject_id="bob", domain="home")
    return {
        "old city": str(make_belief(acme, value="London", domain="home").id),
        "city": str(make_belief(acme, value="Paris", domain="home").id),
        "name": str(make_belief(acme, key="name").id),
        "work": str(make_belief(acme, key="employer", domain="work").id),
    }


def left(client: APIClient, subject: str = "ada") -> dict[str, list[str]]:
    """The statuses of every version by key, oldest first."""
    statuses: dict[str, list[str]] = {}
    for version in client.get(f"/v1/beliefs/timeline/{subject}").json()["timeline"][::-1]:
        statuses.setdefault(version["key"], []).append(version["status"])
    return statuses


ALL = {"city": ["superseded", "active"], "name": ["active"], "employer": ["active"]}


@pytest.mark.parametrize("which", ["old city", "city"])
def test_forgetting_one_removes_every_version_of_it(
    which: str, beliefs: dict[str, str], editor_key: APIClient, globex: Tenant
) -> None:
    answer = editor_key.delete(f"/v1/beliefs/{beliefs[which]}")
    assert (answer.status_code, answer.json()) == (200, {"status": "deleted", "id": beliefs[which], "deleted": 2})
    assert left(editor_key) == {"name": ["active"], "employer": ["active"]}
    assert left(editor_key, "bob") == {"city": ["active"]}
    assert left(key_client(globex)) == {"city": ["active"]}
    assert editor_key.get(f"/v1/beliefs/{beliefs['old city']}").status_code == 404
    assert editor_key.delete(f"/v1/beliefs/{beliefs[which]}").status_code == 404


@pytest.mark.parametrize("which", ["old city", "city"])
def test_forgetting_one_softly_ends_the_active_version(
    which: str, beliefs: dict[str, str], editor_key: APIClient
) -> None:
    answer = editor_key.delete(f"/v1/beliefs/{beliefs[which]}?soft=true")
    assert answer.json() == {"status": "deactivated", "id": beliefs[which], "deleted": 1}
    assert left(editor_key) == ALL | {"city": ["superseded", "inactive"]}
    ended = editor_key.get(f"/v1/beliefs/{beliefs['city']}").json()
    assert ended["ended_at"] == ended["updated_at"] > ended["created_at"]
    again = editor_key.delete(f"/v1/beliefs/{beliefs[which]}?soft=true")
    assert (again.status_code, again.json()["deleted"]) == (200, 0)


def test_what_was_forgotten_softly_can_be_learned_again(beliefs: dict[str, str], editor_key: APIClient) -> None:
    editor_key.delete(f"/v1/beliefs/{beliefs['city']}?soft=true")
    again = editor_key.post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": "Paris"})
    assert (again.status_code, again.json()["id"] == beliefs["city"]) == (201, False)
    assert left(editor_key)["city"] == ["superseded", "inactive", "active"]


@pytest.mark.parametrize(
    ("query", "answer", "stays"),
    [
        ({}, {"status": "deleted", "deleted": 4, "domain": None}, {}),
        (
            {"domain": "home"},
            {"status": "deleted", "deleted": 2, "domain": "home"},
            {"name": ["active"], "employer": ["active"]},
        ),
        (
            {"domain": "home", "soft": "true"},
            {"status": "deactivated", "deleted": 1, "domain": "home"},
            ALL | {"city": ["superseded", "inactive"]},
        ),
        (
            {"soft": "true"},
            {"status": "deactivated", "deleted": 3, "domain": None},
            {"city": ["superseded", "inactive"], "name": ["inactive"], "employer": ["inactive"]},
        ),
        ({"soft": "false", "domain": "none such"}, {"status": "deleted", "deleted": 0, "domain": "none such"}, ALL),
    ],
    ids=str,
)
def test_forgetting_many(
    query: dict[str, str],
    answer: dict[str, Any],
    stays: dict[str, list[str]],
    beliefs: dict[str, str],
    editor_key: APIClient,
    globex: Tenant,
) -> None:
    response = editor_key.generic("DELETE", "/v1/beliefs", QUERY_STRING=as_query({"subject_id": "ada"} | query))
    assert (response.status_code, response.json()) == (200, answer)
    assert left(editor_key) == stays
    assert left(editor_key, "bob") == {"city": ["active"]}
    assert left(key_client(globex)) == {"city": ["active"]}


def as_query(params: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in params.items())


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("", ("subject_id", "required")),
        ("domain=home", ("subject_id", "required")),
        ("subject_id=", ("subject_id", "blank")),
        ("user_id=ada", ("subject_id", "required")),
        ("subject_id=ada&domain=", ("domain", "blank")),
        ("subject_id=ada&soft=maybe", ("soft", "invalid")),
        ("subject_id=ada&soft=", ("soft", "invalid")),
        ("subject_id=ada&soft=null", ("soft", "invalid")),
        ("subject_id=ada%00", ("subject_id", "null_characters_not_allowed")),
    ],
)
def test_vague_wish_forgets_nothing(
    query: str, fault: tuple[str, str], beliefs: dict[str, str], editor_key: APIClient
) -> None:
    assert faults(editor_key.generic("DELETE", "/v1/beliefs", QUERY_STRING=query)) == [fault]
    assert left(editor_key) == ALL


def test_subject_in_the_body_is_no_subject(beliefs: dict[str, str], editor_key: APIClient) -> None:
    assert faults(editor_key.delete("/v1/beliefs", {"subject_id": "ada"})) == [("subject_id", "required")]
    assert left(editor_key) == ALL


@pytest.mark.parametrize("soft", ["maybe", "", "null"])
def test_unclear_softness_forgets_nothing(soft: str, beliefs: dict[str, str], editor_key: APIClient) -> None:
    assert faults(editor_key.delete(f"/v1/beliefs/{beliefs['city']}?soft={soft}")) == [("soft", "invalid")]
    assert left(editor_key) == ALL
