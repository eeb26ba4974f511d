"""The rows of the table that are driven by wrk. A row is a function that yields its comparisons."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from typing import Any

from bench.comparing import Comparison, Measure
from bench.installation import Installation
from bench.servers import Server
from bench.wrk import Call, LoadError

PAGE = 50
SQLALCHEMY, ASYNCPG = "fastapi_sqlalchemy", "fastapi_asyncpg"
NAMES = {SQLALCHEMY: "FastAPI + SQLAlchemy", ASYNCPG: "FastAPI + asyncpg"}


def rate(bench: Installation, server: Server, calls: list[Call]) -> Measure:
    return lambda: bench.drive(server, calls)


def cost(bench: Installation, calls: list[Call]) -> Measure:
    """Microseconds of the machine that one request takes."""
    return lambda: 1e6 / bench.drive(bench.memgraph(), calls)


def against(
    bench: Installation, what: str, calls: list[Call], peer: str, at_least: float | None, *, path: str = ""
) -> Comparison:
    """`path`: the peer's, if it has another one."""
    ours, theirs = bench.memgraph(), bench.fastapi(peer)
    their_calls = [call._replace(path=path) for call in calls] if path else calls
    if shape(ask(ours, calls[0])) != shape(ask(theirs, their_calls[0])):
        raise LoadError(f"{peer} answers {calls[0].path} otherwise than Memgraph")
    return Comparison(
        what=f"{what}, {NAMES[peer]}",
        unit="/s",
        ours=rate(bench, ours, calls),
        theirs=rate(bench, theirs, their_calls),
        at_least=at_least,
    )


def ask(server: Server, call: Call) -> Any:
    http = HTTPConnection("127.0.0.1", server.port)
    http.request(call.method, call.path, call.body, {call.header: call.credential, "Content-Type": "application/json"})
    answer = json.loads(http.getresponse().read())
    http.close()
    return answer


def shape(answer: Any) -> Any:
    """What a peer that does the same work returns too: the same names, and as many items."""
    if isinstance(answer, dict):
        return {name: shape(value) for name, value in answer.items() if name != "content"}
    return [shape(item) for item in answer] if isinstance(answer, list) else answer is None


def server_itself(bench: Installation) -> Iterator[Comparison]:
    calls = [Call("GET", "/live")]
    ours, theirs = rate(bench, bench.memgraph(), calls), rate(bench, bench.bare(), calls)
    yield Comparison(what="GET /live, a bare WSGI function", unit="/s", ours=ours, theirs=theirs)


def whoami_by_keys(bench: Installation) -> Iterator[Comparison]:
    """More keys than any cache of a peer would be warm for, and the same few columns from every server."""
    calls = [Call("GET", "/v1/auth/whoami", key) for key in bench.new_keys(1_000)]
    for call in calls:  # a key's first use is audited
        ask(bench.memgraph(), call)
    yield from rate_and_p99(bench, "whoami, 1,000 keys in turn", calls)


def rate_and_p99(bench: Installation, what: str, calls: list[Call], *, path: str = "") -> Iterator[Comparison]:
    for peer, at_least in ((SQLALCHEMY, 2.3), (ASYNCPG, 0.9)):
        rates = against(bench, what, calls, peer, at_least, path=path)
        yield rates
        ours, theirs = bench.memgraph(), bench.fastapi(peer)
        their_calls = [call._replace(path=path or call.path) for call in calls]
        yield replace(
            rates,
            what=f"p99 of {what}, {NAMES[peer]}",
            unit="ms",
            ours=partial(bench.p99, ours, calls),
            theirs=partial(bench.p99, theirs, their_calls),
            at_least=None,
            at_most=1,
        )


def whoami_by_one_key(bench: Installation) -> Iterator[Comparison]:
    calls = [Call("GET", "/v1/auth/whoami", bench.new_keys(1)[0])]
    yield against(bench, "whoami, one hot key", calls, SQLALCHEMY, 3)
    yield against(bench, "whoami, one hot key", calls, ASYNCPG, 1.3)
    ours, theirs = rate(bench, bench.memgraph(), calls), rate(bench, bench.bare(), calls)
    yield Comparison(
        what="whoami, one hot key, a bare WSGI function", unit="/s", ours=ours, theirs=theirs, at_least=0.6
    )


def whoami_by_tokens(bench: Installation) -> Iterator[Comparison]:
    calls = [Call("GET", "/v1/auth/whoami", f"Bearer {token}") for token in bench.new_tokens(1_000)]
    path = "/v1/auth/whoami-by-token"
    yield from rate_and_p99(bench, "whoami, 1,000 JWTs in turn", calls, path=path)


def pages(bench: Installation) -> Iterator[Comparison]:
    events, beliefs = bench.accounts["events"].key, bench.accounts["beliefs"].key
    subjects = range(2_100 // PAGE, bench.scale.beliefs // PAGE)
    of_subject = [Call("GET", f"/v1/beliefs?subject_id=user%20{number}", beliefs) for number in subjects]
    newest = [Call("GET", "/v1/events", events)]
    for peer, limit in ((SQLALCHEMY, 2.3), (ASYNCPG, 1)):
        yield against(bench, "beliefs of one subject", of_subject, peer, limit)
        yield against(bench, "newest events", newest, peer, limit)


def an_event(number: int) -> dict[str, object]:
    """Of 50 conversations that go on at the same time, each of one user with one agent."""
    text = "The quick brown fox jumps over the lazy dog. " * 3
    return {
        "event_type": "user_message",
        "content": {"number": number, "text": text},
        "user_id": f"user {number % 50}",
        "agent_id": "agent 1",
        "thread_id": f"thread {number % 50}",
    }


def one_event(bench: Installation) -> Iterator[Comparison]:
    key = bench.accounts["written"].key
    calls = [Call("POST", "/v1/events", key, json.dumps(an_event(number))) for number in range(1_000)]
    yield against(bench, "one event", calls, SQLALCHEMY, 1.6)
    yield against(bench, "one event", calls, ASYNCPG, 0.7)
    ours, theirs = rate(bench, bench.memgraph(), calls), rate(bench, bench.bare("bare_write"), calls)
    yield Comparison(what="one event, a bare WSGI function with the same SQL", unit="/s", ours=ours, theirs=theirs)


def stats(bench: Installation) -> Iterator[Comparison]:
    yield growth(bench, "stats", "/v1/stats", "/v1/stats", at_most=1.2)


def lists(bench: Installation) -> Iterator[Comparison]:
    for what, path in (("events", "/v1/events?"), ("events of one user", "/v1/events?user_id=busy&")):
        yield growth(bench, f"{what}, first page", path, path, at_most=1.5)
        there, here = (turned(bench, path, name) for name in ("many events", "few events"))
        yield growth(bench, f"{what}, page {bench.scale.page:,}", there, here, at_most=1.5)


def growth(bench: Installation, what: str, many: str, few: str, *, at_most: float) -> Comparison:
    ours, theirs = (
        cost(bench, [Call("GET", path, bench.accounts[name].key)])
        for path, name in ((many, "many events"), (few, "few events"))
    )
    sizes = f"{bench.scale.many_events:,} events against {bench.scale.few_events:,}"
    return Comparison(what=f"{what}: {sizes}", unit="us", ours=ours, theirs=theirs, at_most=at_most)


def turned(bench: Installation, path: str, name: str) -> str:
    """The list's page that is so far back, or its last full one."""
    key, cursor = bench.accounts[name].key, ""
    for _ in range(bench.scale.page - 1):
        following = ask(bench.memgraph(), Call("GET", f"{path}limit={PAGE}&cursor={cursor}", key))["next_cursor"]
        if following is None:
            break
        cursor = following
    return f"{path}cursor={cursor}"


def search(bench: Installation) -> Iterator[Comparison]:
    """By the beliefs of the one end user, not by the tenant's."""
    for user, count in (("few", 50), ("many", 2_000)):
        body = json.dumps({"query": "which tea, the green one?", "user_id": user})
        ours, theirs = (
            cost(bench, [Call("POST", "/v2/context", bench.accounts[name].key, body)])
            for name in ("beliefs", "few beliefs")
        )
        what = f"search of {count:,} beliefs, in {bench.scale.beliefs:,} against 2,050"
        yield Comparison(what=what, unit="us", ours=ours, theirs=theirs, at_most=1.2)
