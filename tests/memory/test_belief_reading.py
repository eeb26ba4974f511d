"""Lists of beliefs, and names that have to be escaped in a path."""

from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import make_belief
from tests.memory.reading import faults, ids, pages, timeline, values

AWKWARD = [
    "two words",
    " edges ",
    "100%",
    "%41",
    "%2F",
    "a+b",
    "Zoë 🦉 ключ",
    "what?",
    "#1",
    "semi;colon&amp=1",
    "dot.",
    "..",
    "back\\slash",
    "tab\tnewline\n",
    "'\"--",
    "x" * 255,
]


# The list


@pytest.fixture
def beliefs(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """The names of Acme's beliefs by their ids. Globex has the same beliefs."""
    kinds: dict[str, dict[str, Any]] = {
        "city": {},
        "name": {"key": "name"},
        "work": {"key": "employer", "domain": "work"},
        "taste": {"key": "tea", "belief_type": "preference"},
        "bob's": {"subject_id": "bob"},
    }
    for tenant in (globex, acme):
        made = {str(make_belief(tenant, **fields).id): name for name, fields in kinds.items()}
    return made


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, {"city", "name", "work", "taste", "bob's"}),
        ({"subject_id": "ada"}, {"city", "name", "work", "taste"}),
        ({"subject_id": "Ada"}, set()),
        ({"domain": "work"}, {"work"}),
        ({"belief_type": "preference"}, {"taste"}),
        ({"subject_id": "bob", "domain": "work"}, set()),
    ],
    ids=lambda part: str(sorted(part)) if isinstance(part, set) else str(part),  # the same in every worker
)
def test_filter(filters: dict[str, str], found: set[str], beliefs: dict[str, str], editor_key: APIClient) -> None:
    assert {beliefs[id] for id in ids(editor_key.get("/v1/beliefs", filters).json()["items"])} == found


def test_list_shows_active_versions_only_newest_first(acme: Tenant, editor_key: APIClient) -> None:
    made = [make_belief(acme, key=key, value=value) for key, value in ("a1", "b1", "a2", "c1", "d1")]
    editor_key.delete(f"/v1/beliefs/{made[3].id}?soft=true")
    assert values(editor_key.get("/v1/beliefs").json()["items"]) == ["1", "2", "1"]
    assert ids(editor_key.get("/v1/beliefs").json()["items"]) == [str(made[at].id) for at in (4, 2, 1)]


@pytest.mark.parametrize(
    ("name", "value"), [("subject_id", ""), ("domain", ""), ("belief_type", "hunch"), ("limit", "0"), ("cursor", "x")]
)
def test_bad_filter_is_refused(name: str, value: str, editor_key: APIClient) -> None:
    [(field, _)] = faults(editor_key.get("/v1/beliefs", {name: value}))
    assert field == name


def test_pages_hold_every_active_belief_once(acme: Tenant, editor_key: APIClient) -> None:
    made = [str(make_belief(acme, key=str(number)).id) for number in range(7)]
    make_belief(acme, key="3", value="another")
    read = [id for page in pages(editor_key, "/v1/beliefs", limit=2, subject_id="ada") for id in ids(page)]
    assert read[1:] == [id for id in reversed(made) if id != made[3]]
    assert read[0] not in made


# Names


@pytest.mark.parametrize("name", [*AWKWARD, "a/b", "/a", "a/", "history/ada"], ids=ascii)
def test_any_key_has_a_history(name: str, acme: Tenant, editor_key: APIClient) -> None:
    make_belief(acme, key=name)
    versions = editor_key.get(f"/v1/beliefs/history/ada/{quote(name, safe='/')}").json()
    assert [version["key"] for version in versions] == [name]


@pytest.mark.parametrize("name", AWKWARD, ids=ascii)
def test_any_subject_without_a_slash_has_a_history(name: str, acme: Tenant, editor_key: APIClient) -> None:
    make_belief(acme, subject_id=name)
    versions = editor_key.get(f"/v1/beliefs/history/{quote(name)}/city").json()
    assert [version["subject_id"] for version in versions] == [name]


@pytest.mark.parametrize("name", [*AWKWARD, "a/b", "/a", "a/"], ids=ascii)
def test_any_subject_has_a_timeline_and_a_list(name: str, acme: Tenant, editor_key: APIClient) -> None:
    belief = make_belief(acme, subject_id=name)
    answer = timeline(editor_key, name)
    assert (answer["subject_id"], ids(answer["timeline"])) == (name, [str(belief.id)])
    assert ids(editor_key.get("/v1/beliefs", {"subject_id": name}).json()["items"]) == [str(belief.id)]


@pytest.mark.parametrize("name", ["x" * 256, "a%00b"])
def test_name_that_nobody_can_have_is_refused(name: str, editor_key: APIClient) -> None:
    [(field, _)] = faults(editor_key.get(f"/v1/beliefs/history/{name}/city"))
    assert field == "subject_id"
    [(field, _)] = faults(editor_key.get(f"/v1/beliefs/history/ada/{name}"))
    assert field == "key"
    [(field, _)] = faults(editor_key.get(f"/v1/beliefs/timeline/{name}"))
    assert field == "subject_id"


def test_user_id_filters_as_subject_id_does(editor_key: APIClient, acme: Tenant) -> None:
    make_belief(acme, subject_id="ada")
    make_belief(acme, subject_id="bob")
    assert [item["subject_id"] for item in editor_key.get("/v1/beliefs?user_id=bob").json()["items"]] == ["bob"]
