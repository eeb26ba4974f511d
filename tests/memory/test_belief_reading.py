"""Lists, histories and timelines of beliefs, also of names that fit badly into a path."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from memory.beliefs import queries
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import key_client, make_belief
from tests.memory.reading import faults, ids, pages

MICROSECOND = timedelta(microseconds=1)
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


def history(client: APIClient, **params: Any) -> list[dict[str, Any]]:
    return client.get("/v1/beliefs/history/ada/city", params).json()


def timeline(client: APIClient, subject: str = "ada", **params: Any) -> dict[str, Any]:
    return client.get(f"/v1/beliefs/timeline/{quote(subject, safe='/')}", params).json()


def values(versions: list[dict[str, Any]]) -> list[str]:
    return [version["value"] for version in versions]


# The list


@pytest.fixture
def beliefs(acme: Tenant, globex: Tenant) -> dict[str, str]:
    """Name by id; Globex has its double of each."""
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


# History


@pytest.fixture
def three_versions(acme: Tenant) -> list[Belief]:
    """London, Paris, and Rome, which is forgotten softly: none is active."""
    for value in ("London", "Paris", "Rome"):
        last = make_belief(acme, value=value)
    key_client(acme).delete(f"/v1/beliefs/{last.id}?soft=true")
    with tenant_transaction(acme.id):
        return list(Belief.objects.order_by("created_at"))


def test_history_is_every_version_oldest_first(three_versions: list[Belief], editor_key: APIClient) -> None:
    versions = history(editor_key)
    assert [(version["value"], version["status"]) for version in versions] == [
        ("London", "superseded"),
        ("Paris", "superseded"),
        ("Rome", "inactive"),
    ]
    assert history(editor_key, include_inactive="true") == versions
    assert history(editor_key, include_inactive="false") == []


def test_a_long_history_goes_further_back_from_its_oldest(
    three_versions: list[Belief], editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = history(editor_key)
    monkeypatch.setattr(queries, "LONGEST_HISTORY", 2)
    newest = history(editor_key)
    assert newest == versions[1:]
    assert history(editor_key, as_of=newest[0]["created_at"]) == versions[:2]


def test_a_history_of_large_values_is_shorter(
    three_versions: list[Belief], editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But never empty. Paris and Rome have nine bytes."""
    versions = history(editor_key)
    for most, shown in ((15, 3), (14, 2), (9, 2), (8, 1), (1, 1)):
        monkeypatch.setattr(queries, "LARGEST_HISTORY", most)
        assert history(editor_key) == versions[-shown:]


def test_history_without_the_past_is_what_is_active(acme: Tenant, editor_key: APIClient) -> None:
    for value in ("London", "Paris"):
        make_belief(acme, value=value)
    assert values(history(editor_key, include_inactive="false")) == ["Paris"]


@pytest.mark.parametrize(
    ("version", "shift", "held", "known"),
    [
        (0, -MICROSECOND, [], []),
        (0, 0 * MICROSECOND, ["London"], ["London"]),
        (1, -MICROSECOND, ["London"], ["London"]),
        (1, 0 * MICROSECOND, ["Paris"], ["London", "Paris"]),
        (2, -MICROSECOND, ["Paris"], ["London", "Paris"]),
        (2, 0 * MICROSECOND, ["Rome"], ["London", "Paris", "Rome"]),
        (2, timedelta(days=1), [], ["London", "Paris", "Rome"]),
    ],
)
def test_history_as_of_a_moment(
    version: int,
    shift: timedelta,
    held: list[str],
    known: list[str],
    three_versions: list[Belief],
    editor_key: APIClient,
) -> None:
    moment = (three_versions[version].created_at + shift).isoformat()
    assert values(history(editor_key, as_of=moment, include_inactive="false")) == held
    assert values(history(editor_key, as_of=moment)) == known


def test_history_of_the_unknown_is_empty(acme: Tenant, globex: Tenant, editor_key: APIClient) -> None:
    make_belief(globex)
    make_belief(acme, key="country")
    assert history(editor_key) == []


@pytest.mark.parametrize(
    ("name", "value"), [("as_of", "then"), ("include_inactive", "maybe"), ("include_inactive", "")]
)
def test_bad_question_about_the_past_is_refused(name: str, value: str, editor_key: APIClient) -> None:
    assert faults(editor_key.get("/v1/beliefs/history/ada/city", {name: value})) == [(name, "invalid")]


# Timeline


def test_timeline_is_every_version_newest_first(three_versions: list[Belief], editor_key: APIClient) -> None:
    answer = timeline(editor_key)
    assert (answer["subject_id"], answer["count"]) == ("ada", 3)
    assert answer["timeline"] == history(editor_key)[::-1]


def test_timeline_narrows_by_domain_moment_and_limit(acme: Tenant, globex: Tenant, editor_key: APIClient) -> None:
    make_belief(globex, key="theirs")
    make_belief(acme, subject_id="bob")
    made: list[datetime] = [
        make_belief(acme, key=key, value=key, domain=domain).created_at
        for key, domain in (("a", "home"), ("b", "work"), ("c", None), ("d", "home"))
    ]
    assert values(timeline(editor_key)["timeline"]) == ["d", "c", "b", "a"]
    assert values(timeline(editor_key, domain="home")["timeline"]) == ["d", "a"]
    assert values(timeline(editor_key, since=made[2].isoformat())["timeline"]) == ["d", "c"]
    assert values(timeline(editor_key, since=(made[3] + MICROSECOND).isoformat())["timeline"]) == []
    assert values(timeline(editor_key, limit=2, domain="home")["timeline"]) == ["d", "a"]
    answer = timeline(editor_key, limit=3)
    assert (answer["count"], values(answer["timeline"])) == (3, ["d", "c", "b"])


def test_timeline_has_fifty_unless_told(acme: Tenant, editor_key: APIClient) -> None:
    for number in range(51):
        make_belief(acme, key=str(number))
    assert timeline(editor_key)["count"] == 50
    assert timeline(editor_key, limit=200)["count"] == 51


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "201"), ("limit", "x"), ("limit", ""), ("since", "then"), ("domain", "")],
)
def test_bad_question_about_a_subject_is_refused(name: str, value: str, editor_key: APIClient) -> None:
    [(field, _)] = faults(editor_key.get("/v1/beliefs/timeline/ada", {name: value}))
    assert field == name


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
