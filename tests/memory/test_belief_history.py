"""Histories and timelines of beliefs."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from memory.beliefs import queries
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import key_client, make_belief
from tests.memory.reading import faults, timeline, values

MICROSECOND = timedelta(microseconds=1)


def history(client: APIClient, **params: Any) -> list[dict[str, Any]]:
    return client.get("/v1/beliefs/history/ada/city", params).json()


@pytest.fixture
def three_versions(acme: Tenant) -> list[Belief]:
    """London and Paris are superseded, and Rome is inactive."""
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
    """It is never empty. Paris and Rome together have nine bytes."""
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
