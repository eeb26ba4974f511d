"""Every method of every version of the published client, unmodified, against the real server."""

import re
from typing import Any

import httpx
import pytest

from tests.clients.methods import SERVED, UNSERVED, drives, every_client, has
from tests.clients.published import Published, Refused

SUPERSET = {"messages", "retrieved_items", "results", "memories", "beliefs", "history", "debug"}
HASHED_KEY = re.compile(r"(preference|bug_fix)_\w+_[0-9a-f]{6}")
NO_AUTHOR = "nobody that anybody knows"


def values(rows: list[dict[str, Any]]) -> list[str]:
    return [row["value"] for row in rows]


def beliefs_of(api: httpx.Client, user: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get("/v1/beliefs", params={"subject_id": user}).json()["items"]
    return items


def asks_version_1(client: Published) -> bool:
    return client.number < ((0, 6, 1) if client.flavour == "sync" else (0, 7, 0))


def hits_of(client: Published, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Older clients hand over all of version 1's answer, newer ones what they read of version 2's."""
    if asks_version_1(client):
        assert set(answer) == SUPERSET
        hits: list[dict[str, Any]] = answer["retrieved_items"]
    else:
        hits = answer["results"]
        assert answer["total"] == len(hits)
    return hits


@every_client
def test_no_method_is_forgotten(client: Published) -> None:
    served = {method for method in SERVED if has(client.version, client.flavour, method)}
    assert client.call("version") == client.version
    assert served == set(client.methods()) - set(UNSERVED) - {"close"}


@drives("ping")
def test_ping(client: Published, server_keys: dict[str, str]) -> None:
    whose = {"tenant_id": server_keys["tenant_id"], "tenant_name": "Client's"}
    asks_whose = client.flavour == "sync" and client.number >= (0, 8, 1)
    healthy = {"status": "healthy", "database": "connected"} | (whose if asks_whose else {})
    assert client.ping() == healthy
    if client.number >= (0, 8, 3):  # before, an address had to end in /v1
        root = client.settings["base_url"].removesuffix("/v1")
        for suffix in ("", "/", "/v1/", "/v2"):
            assert client.using(base_url=root + suffix).ping() == healthy


@drives("remember")
def test_remember(client: Published, api: httpx.Client, user: str) -> None:
    text = "Prefers tea 🫖\nto coffee."
    made = [client.remember(text, user, "preference"), client.remember("The cache lied.", user, "bug_fix", "ops")]
    assert beliefs_of(api, user) == made[::-1]
    fields = [[belief[name] for name in ("value", "confidence", "belief_type", "domain")] for belief in made]
    assert fields == [[text, 0.9, "belief", "general"], ["The cache lied.", 0.9, "fact", "ops"]]
    assert all(HASHED_KEY.fullmatch(belief["key"]) for belief in made) == (client.number >= (0, 7))
    assert client.remember(text, user, "preference")["id"] == made[0]["id"]
    if client.number >= (0, 3):
        assert client.remember("Unsure.", user, confidence=0.2)["confidence"] == 0.2


@drives("add")
def test_add(client: Published, api: httpx.Client, user: str) -> None:
    text = "I live in Århus & love it.\nAssistant: Noted.\nDo I like tea?"
    answer = client.add(text, user)
    event = api.get(f"/v1/events/{answer.pop('event_id')}").json()
    assert answer == {"status": "stored", "extraction": "verbatim", "beliefs_created": 1}
    assert (event["user_id"], event["content"]) == (user, {"text": text})
    assert values(beliefs_of(api, user)) == ["I live in Århus & love it."]


@drives("search")
def test_search(client: Published, api: httpx.Client, user: str) -> None:
    client.add("I live in Oslo. I work on bridges. In winter I ski.", user)
    (hit,) = hits_of(client, client.search("Oslo?", user))
    assert (hit["content"], hit["type"]) == ("I live in Oslo.", "belief")
    assert 0.3 < hit["score"] <= 1
    (belief,) = (belief for belief in beliefs_of(api, user) if belief["value"] == "I live in Oslo.")
    names = ("key", "value", "domain", "belief_type")
    assert [hit["metadata"][name] for name in names] == [belief[name] for name in names]
    if asks_version_1(client) or client.number >= (0, 8, 3):
        assert hit["id"] == belief["id"]
    (again,) = hits_of(client, client.search("Oslo?", user, agent_id="an agent"))
    assert (again["content"], again["score"] >= hit["score"]) == ("I live in Oslo.", True)


@drives("search")
def test_search_gives_as_many_as_are_asked_for_best_first(client: Published, user: str) -> None:
    client.add("\n".join(f"I had tea {number} times." for number in range(25)), user)
    limit = {"limit": 20} if client.number >= (0, 7) else {}
    hits = hits_of(client, client.search("tea", user, **limit))
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(hits) == (20 if limit else 10 if (client.flavour, client.version) == ("sync", "0.6.1") else 25)


@drives("search")
def test_search_for_somebody_unknown_finds_nothing(client: Published) -> None:
    assert hits_of(client, client.search("tea", NO_AUTHOR)) == []


@drives("search")
def test_search_with_an_empty_user_finds_nobodys_memories(client: Published, user: str) -> None:
    """Some versions hide the refusal and list the beliefs of the empty user instead, which is refused as well."""
    client.add("I live in Oslo.", user)
    if (client.flavour, client.version) == ("sync", "0.6.1") or (
        client.flavour == "async" and (0, 7) <= client.number < (0, 8, 3)
    ):
        assert hits_of(client, client.search("Oslo", "")) == []
    else:
        with pytest.raises(Refused) as refused:
            client.search("Oslo", "")
        assert refused.value.status in (None, 422)  # from 0.8.1 on the sync client doesn't even ask


@drives("get_context")
def test_get_context(client: Published, user: str) -> None:
    client.add("I live in Oslo.", user)
    context = client.get_context("Oslo", user)
    (hit,) = hits_of(client, context)
    assert hit["content"] == "I live in Oslo."
    if "messages" in context:
        (message,) = context["messages"]
        assert (message["role"], "memories" in message["content"].lower()) == ("system", True)
        assert "I live in Oslo." in message["content"]
        assert [result["text"] for result in context["results"]] == ["I live in Oslo."]
        assert values(context["beliefs"]) == ["I live in Oslo."]
        assert context["history"] == [{"event_type": "user_message", "content": {"text": "I live in Oslo."}}]
        (memory,) = context["memories"]
        assert memory.items() >= hit.items()


@drives("get_context_graph")
def test_get_context_graph(client: Published, user: str) -> None:
    client.remember("The cache lied.", user)
    graph = client.get_context_graph("cache", user, agent_id="an agent", create_snapshot=True)
    (memory,) = graph["memories"]
    assert memory["content"] == "The cache lied."
    assert [graph[name] for name in ("entities", "relationships", "decisions", "snapshot")] == [[], [], [], None]
    assert graph["debug"]["match"] == "lexical"


@drives("get_beliefs")
def test_get_beliefs(client: Published, api: httpx.Client, user: str) -> None:
    client.add("I live in Oslo. I work on bridges. In winter I ski.", user)
    made = beliefs_of(api, user)
    assert client.get_beliefs(user) == {"items": made, "next_cursor": None}
    for belief in made:
        assert {"id", "key", "value", "confidence", "belief_type", "domain"} <= set(belief)
    first = client.get_beliefs(user, limit=2)
    assert first["items"] == made[:2]
    if client.number >= (0, 3):
        rest = client.get_beliefs(user, limit=2, cursor=first["next_cursor"])
        assert rest == {"items": made[2:], "next_cursor": None}
    assert client.get_beliefs(NO_AUTHOR)["items"] == []


def write_versions(api: httpx.Client, user: str, key: str) -> list[dict[str, Any]]:
    """Three values of one key, which newer clients can't make: their keys hold a hash of the value."""
    belief = {"subject_id": user, "key": key, "domain": "home"}
    return [api.post("/v1/beliefs", json={**belief, "value": value}).json() for value in "abc"]


@drives("belief_history")
def test_belief_history(client: Published, api: httpx.Client, user: str) -> None:
    made = write_versions(api, user, "städte/the 100% favourite")
    history = client.belief_history(user, "städte/the 100% favourite")
    assert [version["id"] for version in history] == [version["id"] for version in made]
    assert values(client.belief_history(user, "städte/the 100% favourite", include_inactive=False)) == ["c"]
    assert values(client.belief_history(user, "städte/the 100% favourite", as_of=made[1]["created_at"])) == ["a", "b"]
    assert client.belief_history(user, "none such") == client.belief_history(NO_AUTHOR, "city") == []


@drives("belief_timeline")
def test_belief_timeline(client: Published, api: httpx.Client, user: str) -> None:
    write_versions(api, user, "city")
    decided = client.remember("Decided.", user, "decision")
    timeline = client.belief_timeline(user)
    assert (timeline["subject_id"], timeline["count"]) == (user, 4)
    assert values(timeline["timeline"]) == ["Decided.", "c", "b", "a"]
    assert values(client.belief_timeline(user, domain="home", limit=1)["timeline"]) == ["c"]
    assert values(client.belief_timeline(user, since=decided["created_at"])["timeline"]) == ["Decided."]
    assert client.belief_timeline(NO_AUTHOR) == {"subject_id": NO_AUTHOR, "count": 0, "timeline": []}


@drives("forget")
def test_forget(client: Published, api: httpx.Client, user: str) -> None:
    kept, gone = (client.remember(text, user) for text in ("Tea is kept.", "Tea is gone."))
    hits = {hit["content"]: hit.get("id") for hit in hits_of(client, client.search("tea", user))}
    assert hits.keys() == {kept["value"], gone["value"]}
    forgotten = client.forget(hits[gone["value"]] or gone["id"])
    assert (forgotten["status"], forgotten["id"]) == ("deleted", gone["id"])
    assert beliefs_of(api, user) == [kept]
    assert [hit["content"] for hit in hits_of(client, client.search("tea", user))] == [kept["value"]]
    with pytest.raises(Refused) as refused:
        client.forget(gone["id"])
    assert (refused.value.kind, refused.value.status) == ("MemgraphValidationError", 404)


@drives("forget_all")
def test_forget_all(client: Published, api: httpx.Client, user: str) -> None:
    for text, category in (("One.", "decision"), ("Two.", "bug_fix"), ("Three.", "general"), ("Four.", "general")):
        client.remember(text, user, category)
    other = client.remember("Of somebody else.", user + "!")
    assert client.forget_all(user, domain="tech") == {"status": "deleted", "deleted": 1, "domain": "tech"}
    assert client.forget_all(user, domain="work", soft=True)["deleted"] == 1
    assert sorted(values(beliefs_of(api, user))) == ["Four.", "Three."]
    kept = api.get(f"/v1/beliefs/timeline/{user}").json()
    assert sorted(values(kept["timeline"])) == ["Four.", "One.", "Three."]
    assert client.forget_all(user) == {"status": "deleted", "deleted": 3, "domain": None}
    assert client.forget_all(user)["deleted"] == 0
    assert beliefs_of(api, user + "!") == [other]


@drives("log_event")
def test_log_event(client: Published, api: httpx.Client, user: str) -> None:
    """The sync client takes a text to be of its `legacy_user`, and has no others."""
    content = {"text": f"Said by {user}."}
    if client.flavour == "sync":
        event = api.get(f"/v1/events/{client.log_event('user_message', content)['event_id']}").json()
        assert (event["user_id"], event["content"]) == ("legacy_user", content)
    else:
        logged = client.log_event("tool_call", content | {"n": [1, None]}, user, thread_id="a thread")
        (event,) = api.get("/v1/events", params={"user_id": user}).json()["items"]
        assert event == logged
        names = ("event_type", "content", "agent_id", "thread_id")
        assert [event[name] for name in names] == ["tool_call", content | {"n": [1, None]}, "sdk_client", "a thread"]


@every_client
def test_what_is_not_served_is_a_clean_404(client: Published) -> None:
    for method in set(client.methods()) & set(UNSERVED):
        with pytest.raises(Refused) as refused:
            client.call(method, *UNSERVED[method])
        assert (method, refused.value.status, refused.value.slept) == (method, 404, [])
        if client.number >= (0, 3):
            assert (refused.value.kind, refused.value.body["code"]) == ("MemgraphValidationError", "not_found")
            assert refused.value.body["detail"] in refused.value.text
