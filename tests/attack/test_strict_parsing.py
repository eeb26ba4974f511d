"""The quick look at JSON agrees with a slow and plain one. A search for bodies that cost more than the known ones."""

from io import BytesIO
from itertools import cycle, islice
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings, target
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from rest_framework.exceptions import APIException
from rest_framework.test import APIClient

from memgraph.errors import problem_of
from memgraph.parsers import JSONParser
from memory.transfer.lines import parse_line
from tenants.form_text import unescaped
from tenants.json_text import holds_more_values
from tests.attack import reference
from tests.attack.bodies import MIB
from tests.attack.cpu import cpu_seconds

STRUCTURE = b'[ ] { } , : " \\ 0 9 - . e E + t u n f'.split()
STRINGS = b"""
    "a" "" "\\u0000" "\\\\u0000" "\\\\\\u0000" "\\ud800" "\\ud83d\\ude00" "\\"" "\\\\" ",]" "[{" "\xff" "\xc3\xa9"
    "1234567890123456789" "12345678901234567890123"
""".split()
NUMBERS = b"""
    1 -0 1.5 1e30 1e400 -1e400 1e-7 123456789012345678 9999999999999999999 -9223372036854775808 18446744073709551615
    18446744073709551616 -9223372036854775809 -1234567890123456789012 0.12345678901234567890
""".split()
WHOLE = [*STRINGS, *NUMBERS, *b'true null NaN {"a":1} {"a":1,"a":[2]} [[]] [1,2] {"a.b":{"":[]}}'.split()]
PIECES = [*STRUCTURE, *WHOLE, b"[" * 49, b"]" * 49, b" ", b"\n"]
SCALARS = st.sampled_from(WHOLE)
NAMES = st.sampled_from(
    [b'"a"', b'"b"', b'""', b'"x.y"', b'"\\u0000"', b'"\\ud800"', b'".z"', b'"1234567890123456789"']
)
BLANKS = st.sampled_from([b"", b" ", b"\n"])


def in_list(values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return st.builds(lambda blank, items: b"[" + blank + b",".join(items) + b"]", BLANKS, st.lists(values, max_size=5))


def in_object(values: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    members = st.lists(st.builds(lambda name, value: name + b":" + value, NAMES, values), max_size=4)
    return st.builds(lambda blank, items: b"{" + blank + b",".join(items) + b"}", BLANKS, members)


def deep(bodies: SearchStrategy[bytes]) -> SearchStrategy[bytes]:
    return st.builds(lambda body, levels: b"[" * levels + body + b"]" * levels, bodies, st.integers(0, 60))


JSON = st.recursive(SCALARS, lambda inner: in_list(inner) | in_object(inner), max_leaves=20)
BODIES = JSON | deep(JSON) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
OFTEN = settings(max_examples=500, deadline=None, derandomize=True, database=None)
SEARCH = settings(
    max_examples=5000,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class FewValues:
    most_values = 12


def parse(body: bytes) -> Any:
    """The value, or status, code and what the sentence says of the place."""
    try:
        return JSONParser().parse(BytesIO(body), None, {"view": FewValues})
    except APIException as refusal:
        return problem_of(refusal, request_id=None)


def disagreement(body: bytes) -> str | None:
    expected = reference.read(body, most=FewValues.most_values) if body else {}
    read = parse(body)
    if not isinstance(expected, tuple):
        repeated = is_too_many(read) and reference.repeats_a_name(body)
        return None if repr(read) == repr(expected) or repeated else f"{body!r}: {read} for {expected}"
    if is_too_many(read):  # counted before anything else is looked at
        return None if body.count(b",") + body.count(b"]") + body.count(b"}") >= FewValues.most_values else repr(body)
    status, _, place = expected
    named = read["errors"][0]["field"] if "errors" in read else "" if status == 422 else place
    agrees = (read["status"], read["code"], named) == expected and (status == 422 or place in read["detail"])
    return None if agrees else f"{body!r}: {read} for {expected}"


def is_too_many(read: Any) -> bool:
    return isinstance(read, dict) and read.get("code") == "too_many_values"


@given(BODIES)
@OFTEN
def test_strict_parsing_agrees_with_the_reference(body: bytes) -> None:
    assert disagreement(body) is None


@pytest.mark.soak
@given(BODIES)
@SEARCH
def test_strict_parsing_agrees_with_the_reference_on_many_bodies(body: bytes) -> None:
    assert disagreement(body) is None


@given(JSON, st.integers(1, 30))
@OFTEN
def test_values_are_counted_exactly(body: bytes, most: int) -> None:
    expected = reference.read(body, most=10**9)
    if not isinstance(expected, tuple) and not reference.repeats_a_name(body):
        assert holds_more_values(most, body) == (reference.count(expected) > most)


@given(st.lists(st.sampled_from([b"%", b"4", b"1", b"=", b"a", b"G", b"\n", b"\r", b" ", b"+", b"\xc3"])).map(b"".join))
@OFTEN
def test_a_form_is_decoded_as_python_does(text: bytes) -> None:
    assert unescaped(text) == unquote_to_bytes(text.replace(b"+", b" "))


SEGMENTS = st.tuples(st.sampled_from(PIECES), st.integers(1, 2000))


def assembled(segments: list[tuple[bytes, int]], *, size: int) -> bytes:
    """The segments over and over, up to the size, and closed where that is easy."""
    unit = b"".join(piece * count for piece, count in segments)[:size]
    return b'{"a":[' + b"".join(islice(cycle([unit]), max(1, (size - 20) // len(unit)))) + b'"\\u0000"]}'


@pytest.mark.soak
@pytest.mark.parametrize(("path", "size", "most"), [("/v1/events", 2 * MIB, 0.1), ("/v1/events/batch", 16 * MIB, 1.0)])
def test_no_assembled_body_costs_more_than_the_known_ones(
    path: str, size: int, most: float, editor_key: APIClient
) -> None:
    @given(st.lists(SEGMENTS, min_size=1, max_size=6))
    @settings(SEARCH, max_examples=2000 if size == 2 * MIB else 200)
    def search(segments: list[tuple[bytes, int]]) -> None:
        body = assembled(segments, size=size)
        seconds, response = cpu_seconds(
            lambda: editor_key.generic("POST", path, body, "application/json"), enough=most / 2
        )
        target(seconds)
        assert (response.status_code < 500, seconds < most) == (True, True), (segments, seconds)

    search()


@given(BODIES)
@OFTEN
def test_a_line_of_an_import_is_read_or_refused(body: bytes) -> None:
    try:
        codes = "none" if isinstance(parse_line(1, body), dict) else "no object"
    except APIException as refusal:
        codes = refusal.get_codes()
    assert codes in ("none", "import_invalid")
