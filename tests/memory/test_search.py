"""Search by words: what it finds, what it does not find, and how it scores."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.factories import key_client, make_belief, make_event
from tests.memory.reading import faults
from tests.memory.searching import keys, search

BELIEFS = {
    "home": "Alice lives in Pune",
    "preference_colour": "likes the colour green",
    "job": "works at Initech as a Kubernetes engineer",
    "allergy": "allergic to peanuts",
    "database": "We decided to use PostgreSQL for billing",
    "snippet": "retry_policy = ExponentialBackoff(max=5)",
}


@pytest.fixture
def client(acme: Tenant) -> APIClient:
    for key, value in BELIEFS.items():
        make_belief(acme, subject_id="alice", key=key, value=value, confidence=0.9)
    return key_client(acme, Role.VIEWER)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("where does Alice live?", "home"),
        ("living in pune", "home"),
        ("favourite COLOUR", "preference_colour"),
        ("kubernetes", "job"),
        ("peanut allergy", "allergy"),
        ("which database", "database"),
        ("PostgreSQL", "database"),
        ("ExponentialBackoff", "snippet"),
        ("the", "preference_colour"),
        ("kuberntes", "job"),
        ("postgersql", "database"),
        ("peanust", "allergy"),
    ],
)
def test_finds(query: str, first: str, client: APIClient) -> None:
    assert keys(search(client, query))[0] == first


@pytest.mark.parametrize("query", ["", "   ", "zebra", "& | ! ( ' :* <->", "Any health concerns?"])
def test_finds_nothing_rather_than_something_else(query: str, client: APIClient) -> None:
    found = search(client, query)
    assert (found["memories"], found["debug"]["match"]) == ([], "none")


def test_words_that_tell_nothing_are_no_slips(client: APIClient, acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="pets", value="has dogs, and went home")
    found = search(client, "where does Alice live, when?")
    assert (keys(found), found["debug"]["corrections"]) == (["home"], {})


def test_what_turns_into_many_words_is_many_words(client: APIClient) -> None:
    """A query ends after its 32nd word, whatever stands between the words."""
    words = [f"w{number}" for number in range(31)]
    for between in ("\ufe55", "\ufe10", "\ufe6b"):
        assert keys(search(client, between.join([*words, "colour"])))[:1] == ["preference_colour"]
        assert keys(search(client, between.join([*words, "w31", "colour"]))) == []


def test_another_user_and_an_unknown_one_find_nothing(client: APIClient) -> None:
    assert search(client, "pune", user_id="bob")["memories"] == []


def test_another_tenant_finds_nothing(client: APIClient, globex: Tenant) -> None:
    response = key_client(globex).post("/v2/context", {"query": "pune"})
    assert response.json()["memories"] == []


def test_scores_are_over_the_clients_threshold_and_best_first(client: APIClient, acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="trip", value="was in Pune once, and in Oslo", confidence=0.1)
    scores = [memory["score"] for memory in search(client, "Alice lives in Pune")["memories"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 2
    assert all(0.3 < score <= 1 for score in scores)


def test_the_parts_of_a_score_are_itemised(client: APIClient) -> None:
    found = search(client, "pune")
    (parts,) = found["debug"]["scores"].values()
    assert set(parts) == {"words", "recency", "confidence", "use", "matched"}
    blend = 0.6 * parts["words"] + 0.2 * parts["recency"] + 0.15 * parts["confidence"] + 0.05 * parts["use"]
    assert found["memories"][0]["score"] == pytest.approx(0.35 + 0.65 * blend, abs=0.001)


def test_a_slip_is_told_and_scores_less(client: APIClient) -> None:
    slip = search(client, "peanust")
    assert slip["debug"]["corrections"] == {"peanust": ["peanuts"]}
    assert slip["memories"][0]["score"] < search(client, "peanuts")["memories"][0]["score"]


def test_superseded_and_deactivated_beliefs_are_not_found(client: APIClient, acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="home", value="moved to Delhi")
    assert keys(search(client, "pune")) == []
    assert keys(search(client, "delhi")) == ["home"]


def test_a_hit_can_be_forgotten_by_its_id(client: APIClient, acme: Tenant) -> None:
    hit = search(client, "pune")["memories"][0]
    assert key_client(acme).delete(f"/v1/beliefs/{hit['id']}").status_code == 200
    assert search(client, "pune")["memories"] == []


def test_what_is_recalled_often_ranks_higher(client: APIClient, acme: Tenant) -> None:
    for key in ("one", "two"):
        make_belief(acme, subject_id="alice", key=key, value="speaks Esperanto", confidence=0.9)
    assert keys(search(client, "esperanto")) == ["two", "one"]
    with tenant_transaction(acme.id), connection.cursor() as cursor:
        cursor.execute("UPDATE memory_belief SET uses = 20 WHERE key = 'one'")
    assert keys(search(client, "esperanto")) == ["one", "two"]


def test_fifty_at_most_and_fewer_on_demand(client: APIClient, acme: Tenant) -> None:
    for number in range(60):
        make_belief(acme, subject_id="alice", key=f"note {number}", value="a note about tea")
    assert len(search(client, "tea")["memories"]) == 50
    assert len(search(client, "tea", limit=3)["memories"]) == 3


def test_a_search_over_the_tenant_says_what_it_looked_at(client: APIClient) -> None:
    found = search(client, "pune", user_id=None)
    assert keys(found) == ["home"]
    assert found["debug"]["searched"] == "the newest 1000 active beliefs of the tenant, up to 600000 letters"


def test_what_is_not_there_yet_is_an_empty_list(client: APIClient) -> None:
    found = search(client, "pune", include_decisions=True, include_graph=True, create_snapshot=False)
    assert (found["entities"], found["relationships"], found["decisions"], found["snapshot"]) == ([], [], [], None)


@pytest.mark.parametrize("name", ["task", "query"])
def test_version_1_answers_every_generation_of_clients(name: str, client: APIClient, acme: Tenant) -> None:
    make_event(acme, user_id="alice", content={"text": "hello"})
    answer = client.post("/v1/context", {name: "pune", "user_id": "alice", "agent_id": "cli"}).json()
    assert answer["retrieved_items"][0].keys() == {"id", "type", "content", "score", "metadata"}
    assert answer["results"] == [{"text": BELIEFS["home"], "score": answer["memories"][0]["score"]}]
    assert answer["messages"] == [{"role": "system", "content": f"Relevant memories:\n- {BELIEFS['home']}"}]
    assert answer["beliefs"][0] == {
        "key": "home",
        "value": BELIEFS["home"],
        "confidence": 0.9,
        "confidence_score": 0.9,
    }
    assert answer["history"] == [{"event_type": "user_message", "content": {"text": "hello"}}]


@pytest.mark.parametrize("path", ["/v1/context", "/v2/context"])
def test_an_empty_user_is_refused_and_a_null_one_is_the_tenant(path: str, client: APIClient, acme: Tenant) -> None:
    assert faults(client.post(path, {"query": "pune", "user_id": ""})) == [("user_id", "blank")]
    assert client.post(path, {"query": "pune", "user_id": " "}).json()["memories"] == []
    for everybody in ({}, {"user_id": None}):
        assert keys(client.post(path, {"query": "pune", **everybody}).json()) == ["home"]


@pytest.mark.parametrize(
    ("path", "body", "found"),
    [
        ("/v1/context", {"task": None, "query": "pune"}, ["home"]),
        ("/v1/context", {"task": "pune", "query": None}, ["home"]),
        ("/v1/context", {"task": "", "query": "pune"}, ["home"]),
        ("/v1/context", {"task": "", "query": None}, []),
        ("/v1/context", {"task": None, "query": "pune", "limit": None, "agent_id": None}, ["home"]),
        ("/v2/context", {"query": "pune", "limit": None, "agent_id": None}, ["home"]),
    ],
)
def test_null_is_as_absent(path: str, body: dict[str, Any], found: list[str], client: APIClient) -> None:
    answer = client.post(path, {"user_id": "alice", **body})
    assert (answer.status_code, keys(answer.json())) == (200, found)


@pytest.mark.parametrize("path", ["/v1/context", "/v2/context"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": None, "task": None},
        {"query": "x" * 10_001},
        {"query": "x", "limit": 51},
        {"query": 5.5},
    ],
)
def test_bad_queries(path: str, body: dict[str, Any], client: APIClient) -> None:
    expected = 200 if body == {"query": 5.5} else 422
    assert client.post(path, body).status_code == expected
