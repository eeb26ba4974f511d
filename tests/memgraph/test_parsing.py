"""What is sent as JSON and in the query: 400 what can't be parsed, 422 what can't be kept, never a 5xx."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import client_for, key_client, make_belief, make_user

PATHS = ["/v1/events", "/v1/beliefs", "/v1/episodes", "/v1/auth/onboard", "/v1/auth/login"]
TEXT = '{"name": "é"}'


def nested(depth: int, innermost: str = "") -> bytes:
    return ("[" * depth + innermost + "]" * depth).encode()


MALFORMED = {
    "word": b"nonsense",
    "blank": b" \n",
    "cut": b'{"a": 1',
    "more after": b'{"a": 1} {"b": 2}',
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "comment": b'{"a": 1} // b',
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "leading zero": b'{"a": 01}',
    "hexadecimal": b'{"a": 0x1}',
    "raw NUL": b'{"a": "\x00"}',
    "raw newline": b'{"a": "\n"}',
    "bad escape": b'{"a": "\\x41"}',
    "half an escape": b'{"a": "\\u00"}',
    "bad UTF-8": b'{"a": "\xff"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "Latin-1": TEXT.encode("latin-1"),
    "surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"a": "\xf4\x90\x80\x80"}',
    "byte order mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 without mark": TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "UTF-7": b'{"a": "\x2bAGE-"',
    "51 deep": nested(51),
    "51 deep with a value": nested(51, "1"),
    "51 deep objects": b'{"a":' * 51 + b"1" + b"}" * 51,
    "1,000 deep": nested(1000),
    "1,030 deep": nested(1030),
    "100,000 deep": nested(100_000),
    "100,000 opened": b"[" * 100_000,
    "100,000 objects opened": b'{"a":' * 100_000,
    "deep with a lone surrogate": nested(60, '"\\ud800"'),
    "XML": b"<?xml version='1.0'?><a/>",
    "pickle": b"\x80\x04\x95\x00.",
}


@pytest.fixture
def client(acme: Tenant) -> APIClient:
    return key_client(acme)


def send(client: APIClient, path: str, body: bytes) -> tuple[int, str]:
    response = client.generic("POST", path, body, "application/json")
    return response.status_code, response.json().get("code")


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_400(body: bytes, client: APIClient) -> None:
    for path in PATHS:
        assert send(client, path, body) == (400, "malformed")


UNFIT = {
    "NUL": (b'{"a": "\\u0000"}', "invalid_text"),
    "NUL in a key": (b'{"\\u0000": 1}', "invalid_text"),
    "NUL after an escaped backslash": (b'{"a": "\\\\\\u0000"}', "invalid_text"),
    "NUL after a quote": (b'{"a": "\\"\\u0000"}', "invalid_text"),
    "NUL deep inside": (nested(50, '"x\\u0000y"'), "invalid_text"),
    "high surrogate": (b'{"a": "\\ud800"}', "invalid_text"),
    "low surrogate": (b'{"a": "\\udfff"}', "invalid_text"),
    "surrogates the wrong way": (b'{"a": "\\udc00\\ud800"}', "invalid_text"),
    "surrogate in a key": (b'{"\\ud800": 1}', "invalid_text"),
    "1e400": (b'{"a": 1e400}', "invalid_text"),
    "-1e400": (b'{"a": -1e400}', "invalid_text"),
    "2^64": (b'{"a": 18446744073709551616}', "number_out_of_range"),
    "-2^63-1": (b'{"a": -9223372036854775809}', "number_out_of_range"),
    "20 nines": (b'{"a": 99999999999999999999}', "number_out_of_range"),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "number_out_of_range"),
    "1,000,000 digits": (b'{"a": -' + b"9" * 1_000_000 + b"}", "number_out_of_range"),
}


@pytest.mark.parametrize(("body", "code"), UNFIT.values(), ids=UNFIT)
def test_what_can_not_be_kept_is_422(body: bytes, code: str, client: APIClient) -> None:
    for path in PATHS:
        assert send(client, path, body) == (422, code)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a": "\\ud800"}', "The body holds text with a lone surrogate."),
        (b'{"\\udc00": 1}', "The body holds text with a lone surrogate."),
        (b'{"a": 1e400}', "The body holds a number out of range."),
        (b'{"a": [-1e400]}', "The body holds a number out of range."),
        (b'{"a": "\xff"}', "The body is not UTF-8: byte 8."),
        ('{"é": "'.encode() + b"\xed\xa0\x80", "The body is not UTF-8: byte 9."),
        (TEXT.encode("utf-16-le"), "The body is not UTF-8: byte 21."),
        (b'{\n "a": nope}', "The body is not JSON: line 2, column 7."),
    ],
    ids=ascii,
)
def test_a_refusal_says_what_is_wrong_and_where(body: bytes, detail: str, client: APIClient) -> None:
    for path in PATHS:
        assert client.generic("POST", path, body, "application/json").json()["detail"] == detail


TOPS = [
    b"null",
    b"[]",
    b"[{}]",
    b'"x"',
    b"1",
    b"1.5",
    b"true",
    b"false",
    nested(50),
    b"",
    b"{}",
    b'""',
    b"0",
    b'[{"user_id":"a"}]',
]


@pytest.mark.parametrize("body", TOPS)
def test_another_value_than_an_object_is_422(body: bytes, client: APIClient, acme: Tenant) -> None:
    for path in PATHS:
        assert send(client, path, body) == (422, "invalid")
    admin = client_for(make_user(acme))
    assert send(admin, "/v1/api-keys", body) == (422, "invalid")
    belief = make_belief(acme)
    response = client.generic("PATCH", f"/v1/beliefs/{belief.id}", body, "application/json")
    assert response.status_code == (200 if body in (b"", b"{}") else 422)


LEGAL: dict[str, tuple[bytes, Any]] = {
    "escaped backslash before u0000": (b'"\\\\u0000"', "\\u0000"),
    "two escaped backslashes": (b'"\\\\\\\\u0000"', "\\\\u0000"),
    "u0001": (b'"\\u0001"', "\x01"),
    "surrogate pair": (b'"\\ud83d\\ude00"', "😀"),
    "astral": ("😀𐍈".encode(), None),
    "noncharacter": ("\ufffe\uffff".encode(), None),
    "2^64-1": (b"18446744073709551615", 2**64 - 1),
    "-2^63": (b"-9223372036854775808", -(2**63)),
    "19 digits in text": (b'"99999999999999999999999"', "9" * 23),
    "fraction of 25 digits": (b"0.1234567890123456789012345", 0.12345678901234568),
    "tiny": (b"1e-400", 0),
    "brackets in text": (b'"' + b"[{" * 1000 + b'"', "[{" * 1000),
    "backslashes": (b'"' + b"\\\\" * 5000 + b'"', "\\" * 5000),
    "48 deep": (nested(48), json.loads(nested(48))),
}


@pytest.mark.parametrize(("written", "read"), LEGAL.values(), ids=LEGAL)
def test_legal_json_comes_back(written: bytes, read: Any, client: APIClient, acme: Tenant) -> None:
    if read is None:
        read, written = written.decode(), b'"' + written + b'"'
    body = b'{"event_type": "x", "user_id": "ada", "content": {"a": ' + written + b"}}"
    response = client.generic("POST", "/v1/events", body, "application/json")
    assert response.status_code == 201, response.content
    assert response.json()["content"] == {"a": read}
    with tenant_transaction(acme.id):
        assert Event.objects.get().content == {"a": read}


def test_of_two_members_of_a_name_the_last_counts(client: APIClient) -> None:
    body = b'{"event_type": "x", "user_id": "first", "user_id": "last", "content": {}}'
    assert client.generic("POST", "/v1/events", body, "application/json").json()["user_id"] == "last"


def test_a_second_tenant_id_does_not_hide_the_first(client: APIClient, acme: Tenant, globex: Tenant) -> None:
    body = (
        f'{{"tenant_id": "{acme.id}", "tenant_id": "{globex.id}", "event_type": "x", "user_id": "a", "content": {{}}}}'
    )
    assert send(client, "/v1/events", body.encode()) == (403, "tenant_mismatch")


LIMITS = [
    "0",
    "201",
    "-1",
    "1.0",
    "1e2",
    "+5",
    " 5",
    "٣",
    "५",
    "²",
    "0x10",
    "",
    "x",
    "9" * 5000,
    "%00",
    "%ff",
    "5;6",
    "null",
    "1%0a",
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda text: ascii(text)[:12])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/api-keys"])
def test_an_odd_limit_is_422(path: str, limit: str, acme: Tenant) -> None:
    response = client_for(make_user(acme)).get(f"{path}?limit={limit}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "limit")


CURSORS = [
    "x",
    "a:b:c",
    ":::",
    "%00",
    "%ff",
    "é",
    "0",
    "null",
    "x" * 8000,
    "W10:1tS5:AAAA",
    "..",
    "%2e%2e",
    "' OR 1=1 --",
    "[]",
]


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda text: ascii(text)[:12])
@pytest.mark.parametrize("path", ["/v1/events", "/v1/api-keys"])
def test_an_odd_cursor_is_422(path: str, cursor: str, acme: Tenant) -> None:
    response = client_for(make_user(acme)).get(f"{path}?cursor={cursor}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "cursor")


GARBAGE = [
    "%00",
    "%ff",
    "%ed%a0%80",
    "%c0%af",
    "%",
    "%zz",
    "%u0041",
    "&&&=",
    "=",
    "x" * 10_000,
    "%00=%00",
    "?",
    "#",
    ";",
    "[]=1",
    "__class__=1",
    "\xff",
]


@pytest.mark.parametrize("query", GARBAGE, ids=lambda text: ascii(text)[:12])
def test_garbage_in_the_query_is_not_an_error_of_ours(query: str, client: APIClient) -> None:
    for path in ("/v1/events", "/v1/beliefs/timeline/ada", "/v1/stats", "/health", "/v1/nope"):
        for prefix in ("", "user_id=", "domain=", "a="):
            assert client.get(f"{path}?{prefix}{query}").status_code in (200, 404, 422)
