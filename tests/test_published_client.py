"""The client that agents use, as published, against the real server: a judge of the API that nobody here wrote."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from memgraph_sdk import AsyncMemgraphClient, MemgraphClient
from memgraph_sdk.exceptions import MemgraphAuthError


@pytest.fixture
def client(server_url: str, server_keys: dict[str, str]) -> Iterator[MemgraphClient]:
    with MemgraphClient(server_keys["editor"], base_url=f"{server_url}/v1", max_retries=1) as client:
        yield client


@pytest.fixture
def user() -> str:
    return f"Zoë 100% {uuid4().hex}"


def values(rows: list[dict[str, Any]]) -> list[str]:
    return [row["value"] for row in rows]


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v2"])
def test_ping_tells_health_and_tenant(suffix: str, server_url: str, server_keys: dict[str, str]) -> None:
    with MemgraphClient(server_keys["editor"], base_url=server_url + suffix) as client:
        assert client.ping() == {
            "status": "healthy",
            "database": "connected",
            "tenant_id": server_keys["tenant_id"],
            "tenant_name": "Client's",
        }


def test_what_was_remembered_is_listed(client: MemgraphClient, user: str) -> None:
    belief = client.remember("Prefers tea 🫖\nto coffee.", user, category="preference", confidence=0.7)
    assert belief["id"]
    assert client.get_beliefs(user) == {"items": [belief], "next_cursor": None}
    wanted = {"value": "Prefers tea 🫖\nto coffee.", "confidence": 0.7, "belief_type": "belief", "domain": "general"}
    assert {name: belief[name] for name in wanted} == wanted


def test_the_same_again_is_one_memory(client: MemgraphClient, user: str) -> None:
    first = client.remember("Lives in London.", user, confidence=0.5)
    again = client.remember("Lives in London.", user, confidence=0.8)
    assert (again["id"], again["confidence"]) == (first["id"], 0.8)
    assert len(client.get_beliefs(user)["items"]) == 1


def test_beliefs_come_in_pages(client: MemgraphClient, user: str) -> None:
    texts = [f"Fact {number}." for number in range(5)]
    for text in texts:
        client.remember(text, user)
    read: list[str] = []
    cursor = None
    while len(read) < 5:
        page = client.get_beliefs(user, limit=2, cursor=cursor)
        read += values(page["items"])
        cursor = page["next_cursor"]
    assert (read, cursor) == (texts[::-1], None)


def test_search_finds_what_was_remembered(client: MemgraphClient, user: str) -> None:
    """A server without search lists instead: the client falls back on its 404."""
    client.remember("Works at Globex.", user)
    assert "Works at Globex." in [result["content"] for result in client.search("Globex", user)["results"]]


def test_forget_removes_one(client: MemgraphClient, user: str) -> None:
    kept, gone = (client.remember(text, user) for text in ("Kept.", "Gone."))
    forgotten = client.forget(gone["id"])
    assert (forgotten["status"], forgotten["id"]) == ("deleted", gone["id"])
    assert client.get_beliefs(user)["items"] == [kept]


@pytest.mark.parametrize(
    ("wish", "deleted", "left", "known"),
    [
        ({}, 3, [], 0),
        ({"domain": "work"}, 1, ["Bug.", "Other."], 2),
        ({"domain": "none such"}, 0, ["Bug.", "Decision.", "Other."], 3),
        ({"soft": True}, 3, [], 3),
        ({"soft": True, "domain": "tech"}, 1, ["Decision.", "Other."], 3),
    ],
    ids=str,
)
def test_forget_all(
    wish: dict[str, Any], deleted: int, left: list[str], known: int, client: MemgraphClient, user: str
) -> None:
    other = client.remember("Of somebody else.", user + "!")
    for text, category in (("Decision.", "decision"), ("Bug.", "bug_fix"), ("Other.", "general")):
        client.remember(text, user, category=category)
    answer = client.forget_all(user, **wish)
    assert (answer["deleted"], answer["domain"]) == (deleted, wish.get("domain"))
    assert sorted(values(client.get_beliefs(user)["items"])) == left
    assert client.belief_timeline(user)["count"] == known
    assert client.get_beliefs(user + "!")["items"] == [other]


def versions(server_url: str, server_keys: dict[str, str], user: str, key: str) -> list[dict[str, Any]]:
    """Three values of one key: the client's own keys hold a hash of the value, so it can't make versions."""
    with httpx.Client(base_url=server_url, headers={"X-API-KEY": server_keys["editor"]}) as http:
        return [
            http.post("/v1/beliefs", json={"subject_id": user, "key": key, "value": value}).json() for value in "abc"
        ]


@pytest.mark.parametrize("key", ["city", "two words", "a/b", "100%", "ключ"])
def test_history_of_a_belief(
    key: str, server_url: str, server_keys: dict[str, str], client: MemgraphClient, user: str
) -> None:
    made = versions(server_url, server_keys, user, key)
    history = client.belief_history(user, key)
    assert [version["id"] for version in history] == [version["id"] for version in made]
    assert values(client.belief_history(user, key, include_inactive=False)) == ["c"]
    assert values(client.belief_history(user, key, as_of=made[1]["created_at"])) == ["a", "b"]
    assert values(client.belief_history(user, key, as_of=made[1]["created_at"], include_inactive=False)) == ["b"]
    assert client.belief_history(user, "none such") == []


def test_timeline_of_a_user(server_url: str, server_keys: dict[str, str], client: MemgraphClient, user: str) -> None:
    versions(server_url, server_keys, user, "city")
    decided = client.remember("Decided.", user, category="decision")
    timeline = client.belief_timeline(user)
    assert (timeline["subject_id"], timeline["count"]) == (user, 4)
    assert values(timeline["timeline"]) == ["Decided.", "c", "b", "a"]
    assert values(client.belief_timeline(user, domain="work")["timeline"]) == ["Decided."]
    assert values(client.belief_timeline(user, since=decided["created_at"])["timeline"]) == ["Decided."]
    assert client.belief_timeline(user, limit=2)["count"] == 2
    assert client.belief_timeline(user, since=datetime.now(UTC).isoformat())["timeline"] == []


def test_tenant_id_that_is_sent_must_be_the_keys_own(server_url: str, server_keys: dict[str, str], user: str) -> None:
    with MemgraphClient(server_keys["editor"], tenant_id=server_keys["tenant_id"], base_url=server_url) as client:
        assert client.remember("Mine.", user)["id"]
        assert values(client.get_beliefs(user)["items"]) == ["Mine."]
    with MemgraphClient(server_keys["editor"], tenant_id=str(uuid4()), base_url=server_url) as client:
        for call in (client.get_beliefs, lambda user: client.remember("Theirs.", user)):
            with pytest.raises(MemgraphAuthError) as refused:
                call(user)
            assert (refused.value.status_code, refused.value.response_body["code"]) == (403, "tenant_mismatch")


async def called(url: str, key: str, call: Callable[[AsyncMemgraphClient], Awaitable[Any]]) -> Any:
    async with AsyncMemgraphClient(key, base_url=url, max_retries=1) as client:
        return await call(client)


def test_async_client_does_the_same(server_url: str, server_keys: dict[str, str], user: str) -> None:
    async def live(client: AsyncMemgraphClient) -> None:
        assert (await client.ping())["status"] == "healthy"
        first = await client.remember("Prefers tea 🫖.", user, category="preference")
        second = await client.remember("Lives in London.", user, domain="home")
        page = await client.get_beliefs(user, limit=1)
        assert page["items"] == [second]
        assert (await client.get_beliefs(user, limit=1, cursor=page["next_cursor"]))["items"] == [first]
        assert (await client.search("tea", user))["total"] >= 1
        assert (await client.forget(first["id"]))["status"] == "deleted"
        assert (await client.forget_all(user, domain="home", soft=True))["deleted"] == 1
        assert (await client.get_beliefs(user))["items"] == []

    asyncio.run(called(server_url, server_keys["editor"], live))
