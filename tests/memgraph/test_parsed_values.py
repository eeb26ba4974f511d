"""Legal JSON is stored and returned as it was sent."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.memgraph.sending import nested, send

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
