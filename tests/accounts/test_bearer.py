"""The header `Authorization: Bearer ...`: when it counts, and what it outweighs."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.accounts.forging import CHALLENGE, ask, assert_refused
from tests.factories import make_key, make_token


@pytest.mark.parametrize(
    "before", ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer    ", "Bearer\t", "Bearer \t ", " Bearer "]
)
def test_scheme_is_matched_in_any_case_and_spacing(before: str, acme_viewer: User, anonymous: APIClient) -> None:
    token = make_token(acme_viewer)
    for after in ("", " ", "\t"):
        assert anonymous.get("/v1/auth/me", HTTP_AUTHORIZATION=f"{before}{token}{after}").status_code == 200
    assert_refused(anonymous.get("/v1/auth/me", HTTP_AUTHORIZATION=f"{before}x"))


@pytest.mark.parametrize("alone", ["Bearer", "bearer ", "BEARER\t"])
def test_the_word_alone_is_a_bad_token(alone: str, anonymous: APIClient) -> None:
    assert_refused(anonymous.get("/v1/auth/me", HTTP_AUTHORIZATION=alone))


@pytest.mark.parametrize(
    "value", ["", " ", "Basic YWRtaW46YWRtaW4=", "Token abc", "Negotiate", "Bearerx", "é", "Basic Bearer x"]
)
def test_other_schemes_are_no_credential(value: str, anonymous: APIClient, acme: Tenant) -> None:
    response = anonymous.get("/v1/auth/whoami", HTTP_AUTHORIZATION=value)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == CHALLENGE
    _, key = make_key(acme)
    assert anonymous.get("/v1/auth/whoami", HTTP_AUTHORIZATION=value, HTTP_X_API_KEY=key).status_code == 200


def test_a_key_sent_as_a_token_is_told_where_it_belongs(acme: Tenant) -> None:
    response = ask(make_key(acme)[1])
    assert_refused(response)
    assert "X-API-KEY" in response.json()["detail"]


@pytest.mark.parametrize("token", ["x", "", "a.b.c", "null"])
def test_a_bad_token_is_not_saved_by_a_good_key(token: str, acme: Tenant) -> None:
    assert_refused(ask(token, HTTP_X_API_KEY=make_key(acme)[1]))


def test_a_good_token_is_not_spoiled_by_a_bad_key(acme_viewer: User) -> None:
    response = ask(make_token(acme_viewer), HTTP_X_API_KEY="mg_live_bad")
    assert (response.status_code, response.json()["kind"]) == (200, "user")


def test_of_two_good_credentials_the_token_decides(acme_viewer: User, globex: Tenant) -> None:
    answer = ask(make_token(acme_viewer), HTTP_X_API_KEY=make_key(globex)[1]).json()
    assert (answer["kind"], answer["tenant_id"]) == ("user", str(acme_viewer.tenant_id))


@pytest.mark.parametrize("place", ["query", "cookie", "X-Forwarded-Authorization", "body"])
def test_a_token_elsewhere_is_no_credential(place: str, acme_viewer: User, anonymous: APIClient) -> None:
    token = make_token(acme_viewer)
    anonymous.cookies["access_token"] = token if place == "cookie" else ""
    query = f"?access_token={token}&token={token}" if place == "query" else ""
    headers = {"HTTP_X_FORWARDED_AUTHORIZATION": f"Bearer {token}"} if place.startswith("X-") else {}
    body = {"access_token": token} if place == "body" else {}
    response = anonymous.post(f"/v1/auth/logout{query}", body, **headers)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
