"""The import refuses a file for one of its lines, names the line, and writes nothing."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.memory.transfers import BELIEF, EPISODE, EVENT, ROWS, USER, as_line, make_file, refused_line, upload

pytestmark = pytest.mark.usefixtures("nothing_is_written")
HUGE = 2 * 1024 * 1024
OTHER_ID = "01900000-0000-7000-8000-00000000000f"


@pytest.mark.parametrize(
    "row",
    [
        b"not JSON\n",
        b"[]\n",
        b'"text"\n',
        b"{}\n",
        b"\n",
        b'{"type": "event"',
        b"\xff\xfe{}\n",
        *(as_line({"type": kind}) for kind in ("note", None, 1, ["event"], {"event": 1}, "Event", "footer")),
        as_line(EVENT).replace(b"hello", b"\xff"),
        as_line(EVENT).replace(b"hello", b"\xed\xa0\x80"),
        as_line(EVENT).replace(b"hello", b"\\ud800"),
        as_line(EVENT).replace(b"hello", b"\\udc00\\ud800"),
        as_line(EVENT).replace(b"hello", b"\\u0000"),
        as_line(EVENT).replace(b'"text"', b'"\\\\\\u0000"'),
        as_line(BELIEF).replace(b"London", b"Lon\\u0000don"),
        as_line(EVENT).replace(b'"hello"', b"1e400"),
        as_line(EVENT).replace(b'"hello"', b"NaN"),
        as_line(EVENT).replace(b'"hello"', b'{"a":' * 49 + b"1" + b"}" * 49),
        as_line(EVENT).replace(b'"hello"', b"[" * 300 + b"]" * 300),
        as_line(EVENT).replace(b'"hello"', b"[" * 5000 + b"]" * 5000),
        as_line(EVENT | {"id": OTHER_ID, "padding": "x" * HUGE}),
        as_line(EVENT | {"id": OTHER_ID, "padding": "x" * (HUGE - len(as_line(EVENT)))}),
        b" " * HUGE * 2,
    ],
    ids=lambda row: ascii(row[:40]) + ascii(row[60:90]),
)
def test_line_that_can_not_be_read_is_refused_by_its_number(row: bytes, admin: APIClient) -> None:
    assert refused_line(upload(admin, make_file(BELIEF, row, USER))) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'"\\ud800"', "it contains a lone surrogate"),
        (b'{"\\udc00\\ud800": 1}', "it contains a lone surrogate"),
        (b"1e999", "it contains a number beyond 64 bits"),
        (b"[-1e999]", "it contains a number beyond 64 bits"),
        (b"9" * 5000, "it contains a number beyond 64 bits"),
        (b'"\xff"', "not UTF-8: its byte {byte}"),
        (b'"\xed\xa0\x80"', "not UTF-8: its byte {byte}"),
        (b'"\xc3\xa9\xff"', "not UTF-8: its byte {byte}"),
        (b"NaN", "not JSON, or incomplete"),
        (b"[" * 60 + b'"\\ud800"' + b"]" * 60, "not JSON, or incomplete"),
        (b'"\\ud800', "not JSON, or incomplete"),
    ],
    ids=lambda part: ascii(part)[:24],
)
def test_what_makes_a_line_unreadable_is_said(text: bytes, reason: str, admin: APIClient) -> None:
    line = as_line(EVENT).replace(b'"hello"', text)
    bad = [place for place, byte in enumerate(line, 1) if byte in (0xFF, 0xED)]
    expected = reason.format(byte=bad[0] if bad else "")
    assert upload(admin, make_file(line)).json()["detail"] == f"Line 2: {expected}. Nothing was imported."


def test_a_line_that_is_cut_within_a_character_is_cut_off(admin: APIClient) -> None:
    file = make_file(as_line(EVENT).replace(b"hello", "é".encode()))
    cut = file[: file.index("é".encode()) + 1]
    assert upload(admin, cut).json()["detail"] == "Line 2: not JSON, or incomplete. Nothing was imported."


LONG = "x" * 256
BAD: list[tuple[dict[str, Any], str, list[Any]]] = [
    (EVENT, "id", [None, "", "1", 1, "{01900000-0000-7000-8000-000000000001}", "0190000000007000800000000000000f"]),
    (EVENT, "event_type", [None, "", 1, "x" * 65, ["x"]]),
    (EVENT, "content", [None, "x", [], 1, {"text": "x" * 65536}, {"n": [1e308] * 300}]),
    (EVENT, "user_id", [None, "", 1, True, LONG]),
    (EVENT, "agent_id", ["", 1, LONG, {}]),
    (EVENT, "thread_id", ["", 1, LONG, []]),
    (EVENT, "occurred_at", [None, "", "then", 1, "2026-01-31", "2026-02-30T00:00:00Z", "2026-01-31T12:00:00"]),
    (EVENT, "created_at", [None, "0001-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z", [], {}]),
    (BELIEF, "id", [None, "x"]),
    (BELIEF, "subject_id", [None, "", 1, LONG]),
    (BELIEF, "key", [None, "", 1, LONG]),
    (BELIEF, "value", [None, "", 1, "x" * 65537, {}]),
    (BELIEF, "confidence", [None, "0.5", True, 1.0000001, -0.1, 10**30, [0.5]]),
    (BELIEF, "belief_type", [None, "", "hunch", ["fact"], {}]),
    (BELIEF, "domain", ["", 1, LONG]),
    (BELIEF, "status", [None, "", "gone", "superseded", []]),
    (BELIEF, "created_at", [None, "then"]),
    (BELIEF, "updated_at", [None, "then"]),
    (BELIEF, "ended_at", ["then", "2026-01-31T12:00:00Z", 0]),
    (EPISODE, "id", [None, "x"]),
    (EPISODE, "user_id", [None, "", LONG]),
    (EPISODE, "agent_id", ["", LONG]),
    (EPISODE, "thread_id", ["", LONG]),
    (EPISODE, "summary", [None, "", 1, "x" * 65537]),
    (EPISODE, "tags", [None, "x", [1], [""], ["x" * 65], ["x"] * 51, {}]),
    (EPISODE, "outcome", ["", "won", 1]),
    (EPISODE, "consolidation_status", [None, "", "done"]),
    (EPISODE, "summary_kind", ["", "made up", 1]),
    (EPISODE, "derived", ["", "true", 0, 1, 1.0, 2]),
    (EPISODE, "started_at", [None, "then", "2026-01-31T12:00:00.123457Z"]),
    (EPISODE, "ended_at", ["then", "2026-01-31T12:00:00.123455Z"]),
    (EPISODE, "event_ids", [None, "x", [1], ["x"], [OTHER_ID] * 1001, [EVENT["id"], None]]),
    (EPISODE, "created_at", [None, ""]),
]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [(row, column, value) for row, column, values in BAD for value in values],
    ids=lambda part: part["type"] if isinstance(part, dict) and "type" in part else ascii(part)[:20],
)
def test_bad_value_is_refused_by_line_and_column(
    row: dict[str, Any], column: str, value: Any, admin: APIClient
) -> None:
    before = [] if row is EVENT else [EVENT]
    response = upload(admin, make_file(*before, row | {column: value}))
    assert refused_line(response) == 2 + len(before)
    assert column in response.json()["detail"]


def test_every_column_has_its_bad_values() -> None:
    listed = {(row["type"], column) for row, column, _ in BAD}
    assert listed == {(row["type"], column) for row in (EVENT, BELIEF, EPISODE) for column in row} - {
        (row["type"], "type") for row in ROWS
    }


@pytest.mark.parametrize("event_ids", [[OTHER_ID], [EVENT["id"], OTHER_ID]])
def test_episode_of_unknown_events_is_refused(event_ids: list[str], admin: APIClient) -> None:
    rows = [EVENT, EPISODE, EPISODE | {"id": OTHER_ID, "event_ids": event_ids}, USER]
    assert refused_line(upload(admin, make_file(*rows))) == 4
