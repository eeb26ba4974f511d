"""What is sent in the query or the path: 400 if it is not UTF-8, 422 if it has no meaning, never a 5xx."""

import httpx
import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import client_for, make_belief, make_user

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
    "\xff",  # which the client sends as UTF-8
]


@pytest.mark.parametrize("query", GARBAGE, ids=lambda text: ascii(text)[:12])
def test_garbage_in_the_query_is_not_an_error_of_ours(query: str, client: APIClient) -> None:
    for path in ("/v1/events", "/v1/beliefs/timeline/ada", "/v1/stats", "/health", "/v1/nope"):
        for prefix in ("", "user_id=", "domain=", "a="):
            assert client.get(f"{path}?{prefix}{query}").status_code in (200, 404, 422)


@pytest.mark.parametrize("bytes_", ["%ff", "%ed%a0%80", "%c0%af", "%f4%90%80%80", "a%", "%e2%82"])
def test_an_address_that_is_not_utf8_is_400(bytes_: str, client: APIClient, acme: Tenant) -> None:
    """Django would put U+FFFD in its place, and a deletion would delete the beliefs of that name."""
    make_belief(acme, subject_id="\ufffd")
    make_belief(acme, subject_id=bytes_.upper())
    expected = 200 if bytes_ == "a%" else 400
    assert client.delete(f"/v1/beliefs?subject_id={bytes_}").status_code == expected
    assert client.get(f"/v1/events?{bytes_}=1").status_code == expected
    assert client.get("/v1/beliefs?subject_id=%EF%BF%BD").json()["items"] != []


@pytest.mark.parametrize("bytes_", ["%ff", "%ed%a0%80", "%c0%af", "%e2%82"])
def test_a_path_that_is_not_utf8_is_400(bytes_: str, server_url: str) -> None:
    assert httpx.get(f"{server_url}/v1/beliefs/timeline/{bytes_}").status_code == 400
    assert httpx.get(f"{server_url}/v1/beliefs/timeline/%e2%82%ac").status_code == 401


@pytest.mark.parametrize("word", ["1", "0", "yes", "no", "TRUE", "False", "on", "t", "", " true", "null"])
def test_a_truth_is_true_or_false_and_no_other_word(word: str, client: APIClient, acme: Tenant) -> None:
    belief = make_belief(acme)
    response = client.delete(f"/v1/beliefs/{belief.id}?soft={word}")
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "soft")


@pytest.mark.parametrize("query", ["soft=true&soft=false", "soft=&soft=true", "user_id=a&soft=true&user_id="])
def test_a_parameter_with_two_values_is_422(query: str, client: APIClient, acme: Tenant) -> None:
    belief = make_belief(acme)
    response = client.delete(f"/v1/beliefs/{belief.id}?{query}")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "repeated")
