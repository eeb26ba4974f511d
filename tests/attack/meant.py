"""Bodies of the right shape whose values cost as much as their sender could think of."""

from typing import Any

import orjson

EVENT: dict[str, Any] = {"event_type": "x", "user_id": "ada", "content": {}}
BELIEF: dict[str, Any] = {"subject_id": "ada", "key": "k", "value": "v"}
EPISODE: dict[str, Any] = {"user_id": "ada", "summary": "s"}
WRONG_EVENT = {"event_type": 1.5, "user_id": [], "content": [], "occurred_at": "x", "agent_id": {}, "thread_id": []}
WRONG_BELIEF = {"subject_id": [], "key": [], "value": "x" * 150_000, "confidence": [], "belief_type": "x" * 9_000}
LONG = 2 * 10**6
NEVER_Z = "2026-01-31T12:00:00+02:00"


def written(body: Any) -> bytes:
    return orjson.dumps(body)


def of_numbers(number: str, count: int, **fields: Any) -> bytes:
    """An event with so many of them, as they are written here."""
    return written(EVENT | fields | {"content": {"a": "?"}}).replace(b'"?"', f"[{','.join([number] * count)}]".encode())


def events(event: bytes, count: int = 1000) -> bytes:
    return b'{"events":[' + b",".join([event] * count) + b"]}"


def beliefs(belief: dict[str, Any]) -> bytes:
    return written({"beliefs": [belief | {"key": f"k{number}"} for number in range(100)]})


ONE: dict[str, tuple[str, bytes, int]] = {
    "a long value": ("/v1/beliefs", written(BELIEF | {"value": "x" * LONG}), 422),
    "a long value of three bytes": ("/v1/beliefs", written(BELIEF | {"value": "\u20ac" * (LONG // 3)}), 422),
    "a long name": ("/v1/beliefs", written(BELIEF | {"key": "x" * LONG}), 422),
    "a long query": ("/v2/context", written({"query": "x" * LONG}), 422),
    "a query of names": ("/v1/context", written({"query": "b-" * 5000}), 200),
    "long tags": ("/v1/episodes", written(EPISODE | {"tags": ["x" * 40_000] * 50}), 422),
    "9,000 tags": ("/v1/episodes", written(EPISODE | {"tags": ["x"] * 9000}), 422),
    "1,000 long ids": ("/v1/episodes", written(EPISODE | {"event_ids": ["x" * 2000] * 1000}), 422),
    "a long choice": ("/v1/beliefs", written(BELIEF | {"belief_type": "x" * LONG}), 422),
    "a list as a choice": ("/v1/beliefs", written(BELIEF | {"belief_type": [0] * 9900}), 422),
    "a long number": ("/v1/beliefs", written(BELIEF | {"confidence": "1" * LONG}), 422),
    "a long moment": ("/v1/events", written(EVENT | {"occurred_at": "x" * LONG}), 422),
    "1e300 in content": ("/v1/events", of_numbers("1e300", 8000), 422),
    "1e16 in content": ("/v1/events", of_numbers("1e16", 3400), 201),
    "1e-7 in content": ("/v1/events", of_numbers("1e-7", 6000), 201),
    "names in content": ("/v1/events", written(EVENT | {"content": dict.fromkeys(map(str, range(6000)), 1)}), 201),
    "a long text": ("/v1/ingest", written({"user_id": "ada", "text": "x" * LONG}), 422),
    "sentences": ("/v1/ingest", written({"user_id": "ada", "text": "I like a. " * 6500}), 200),
    "labels": ("/v1/ingest", written({"user_id": "ada", "text": "user: hi\nbot: x\n" * 3200}), 200),
    "code": ("/v1/ingest", written({"user_id": "ada", "text": "```\n" * 13_000}), 200),
    "blanks in a text": ("/v1/ingest", written({"user_id": "ada", "text": "a" + " " * 65_000 + "b"}), 200),
    "another tenant's long id": ("/v1/events", written(EVENT | {"tenant_id": "x" * LONG}), 403),
}
MANY: dict[str, tuple[str, bytes, int]] = {
    "large events": ("/v1/events/batch", events(written(EVENT | {"content": {"t": "x" * 15_500}})), 201),
    "wrong events": ("/v1/events/batch", events(written(WRONG_EVENT)), 422),
    "no events": ("/v1/events/batch", events(b"null"), 422),
    "odd moments": ("/v1/events/batch", events(written(EVENT | {"occurred_at": NEVER_Z})), 201),
    "1e-7 and odd moments": ("/v1/events/batch", events(of_numbers("1e-7", 189, occurred_at=NEVER_Z)), 201),
    "1e300": ("/v1/events/batch", events(of_numbers("1e300", 180)), 201),
    "many values": ("/v1/events/batch", events(of_numbers('{"a":1}', 90)), 201),
    "wrong beliefs": ("/v1/beliefs/batch", beliefs(WRONG_BELIEF), 422),
    "long values": ("/v1/beliefs/batch", beliefs(BELIEF | {"value": "x" * 160_000}), 422),
    "long subjects": ("/v1/beliefs/batch", beliefs(BELIEF | {"subject_id": "x" * 160_000}), 422),
    "large beliefs": ("/v1/beliefs/batch", beliefs(BELIEF | {"value": "x" * 60_000}), 201),
}
