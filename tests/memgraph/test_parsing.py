"""Bodies that are refused: 400 if they can't be parsed, 422 if they can't be stored, never a 5xx."""

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import client_for, make_belief, make_user
from tests.memgraph.sending import nested, send

PATHS = ["/v1/events", "/v1/beliefs", "/v1/episodes", "/v1/auth/onboard", "/v1/auth/login"]
TEXT = '{"name": "é"}'


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


def refused_for_size(path: str, body: bytes) -> tuple[int, str] | None:
    """How a body is refused for its size, before it is parsed."""
    if "/auth/" in path and len(body) > 16 * 1024:
        return 413, "payload_too_large"
    return (413, "too_many_values") if body.count(b"]") > 10_000 else None


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_400(body: bytes, client: APIClient) -> None:
    for path in PATHS:
        assert send(client, path, body) == (refused_for_size(path, body) or (400, "malformed"))


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
    "1e400": (b'{"a": 1e400}', "number_out_of_range"),
    "-1e400": (b'{"a": -1e400}', "number_out_of_range"),
    "2^64": (b'{"a": 18446744073709551616}', "number_out_of_range"),
    "-2^63-1": (b'{"a": -9223372036854775809}', "number_out_of_range"),
    "20 nines": (b'{"a": 99999999999999999999}', "number_out_of_range"),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "number_out_of_range"),
    "1,000,000 digits": (b'{"a": -' + b"9" * 1_000_000 + b"}", "number_out_of_range"),
}


@pytest.mark.parametrize(("body", "code"), UNFIT.values(), ids=UNFIT)
def test_what_can_not_be_kept_is_422(body: bytes, code: str, client: APIClient) -> None:
    for path in PATHS:
        assert send(client, path, body) == (refused_for_size(path, body) or (422, code))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"a": "\\ud800"}', "a: This contains a lone surrogate, which can't be stored."),
        (b'{"\\udc00": 1}', "This contains a lone surrogate, which can't be stored."),
        (b'{"a": 1e400}', "a: This contains a number beyond 64 bits, which can't be stored."),
        (b'{"a": [-1e400]}', "a.0: This contains a number beyond 64 bits, which can't be stored."),
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


PLACES = {
    "NUL": (b'{"events": [{}, {"content": {"text": ["x", "\\u0000"]}}]}', "events.1.content.text.1"),
    "NUL in a name": (b'{"events": [{"content": {"a\\u0000": 1}}]}', "events.0.content"),
    "surrogate": (b'{"events": [{"a": "\\ud83d\\ude00", "b": "\\ud83d"}]}', "events.0.b"),
    "surrogate in a name": (b'{"a": {"\\udc00": 1}}', "a"),
    "large integer": (b'{"a": {"b": [1, 2, 18446744073709551616]}}', "a.b.2"),
    "large number": (b'{"a": [1e999]}', "a.0"),
    "on top": (b'"\\u0000"', None),
    "long name": (b'{"' + b"n" * 300 + b'": "\\u0000"}', "n" * 200),
}


@pytest.mark.parametrize(("body", "place"), PLACES.values(), ids=PLACES)
def test_the_place_of_what_can_not_be_kept_is_named(body: bytes, place: str | None, client: APIClient) -> None:
    problem = client.generic("POST", "/v1/events/batch", body, "application/json").json()
    assert problem["status"] == 422
    if place is None:
        assert "errors" not in problem
    else:
        assert [error["field"] for error in problem["errors"]] == [place]
        assert problem["detail"].startswith(f"{place}: ")


@pytest.mark.parametrize(("body", "place"), [(b'{"events": [1, %b]}' % nested(50), "events.1"), (nested(60), "0.0")])
def test_the_place_of_what_is_too_deep_is_named(body: bytes, place: str, client: APIClient) -> None:
    problem = client.generic("POST", "/v1/events/batch", body, "application/json").json()
    assert (problem["status"], problem["detail"]) == (400, f"The body is nested deeper than 50, in {place}.")


def test_the_first_byte_that_is_not_utf8_is_named(client: APIClient) -> None:
    problem = client.generic("POST", "/v1/events", b'{"a": "\xff"}', "application/json").json()
    assert problem["detail"] == "The body is not UTF-8: byte 8."


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xed\xa0\x80", b"ok \xc0\xaf"])
def test_a_field_of_multipart_that_is_not_utf8_is_400(text: bytes, client: APIClient) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    body = form % (b"user_id", b"ada") + form % (b"text", text) + b"--x--\r\n"
    response = client.generic("POST", "/v1/ingest", body, "multipart/form-data; boundary=x")
    assert (response.status_code, response.json()["code"]) == (400, "malformed")
    kept = body.replace(text, "I like \ufffd.".encode())
    assert client.generic("POST", "/v1/ingest", kept, "multipart/form-data; boundary=x").status_code == 200
