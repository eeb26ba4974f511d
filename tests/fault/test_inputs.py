"""Inputs that were accepted silently, or failed with an error of ours."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import jwt
import pytest
from django.conf import settings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import SessionToken
from memory.models import Belief, Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import PASSWORD, anonymous_client, make_event, make_key, make_session
from tests.memgraph.test_errors import assert_problem

INVISIBLE = ["\u200b", "\u2800", "\u3164", "\u00ad\u200d", "\u2800 \u200b", "\ufe0f", "\u2062"]
EVENT = {"event_type": "message", "user_id": "ada", "content": {}}


def codes(response: object) -> dict[str, str]:
    return {error["field"]: error["code"] for error in assert_problem(response, 422, "invalid")["errors"]}


@pytest.mark.parametrize("name", INVISIBLE)
def test_a_name_has_a_visible_character(name: str, admin: APIClient) -> None:
    assert codes(admin.post("/v1/api-keys", {"name": name})) == {"name": "invisible"}
    assert codes(admin.patch("/v1/tenant", {"name": name})) == {"name": "invisible"}
    new = {"email": "new@example.com", "password": PASSWORD, "full_name": name, "cluster_name": name}
    found = codes(anonymous_client().post("/v1/auth/onboard", new))
    assert found == {"full_name": "invisible", "cluster_name": "invisible"}


@pytest.mark.parametrize("name", ["नमस्ते", "한국어", "🎉", "a\u200d", "é", "e\u0301", "\u202eabc"])
def test_visible_names_are_kept(name: str, admin: APIClient) -> None:
    assert admin.post("/v1/api-keys", {"name": name}).json()["name"] == name


@pytest.mark.parametrize("expires_at", ["9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z"])
def test_a_key_lives_for_ten_years_at_most(expires_at: str, admin: APIClient) -> None:
    assert codes(admin.post("/v1/api-keys", {"name": "k", "expires_at": expires_at})) == {"expires_at": "too_far"}


def test_a_key_of_the_year_9999_can_be_rotated(admin: APIClient, acme: Tenant) -> None:
    key, _ = make_key(acme, expires_at=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    response = admin.post(f"/v1/api-keys/{key.id}/rotate", {})
    assert response.status_code == 201, response.content
    left = datetime.fromisoformat(response.json()["expires_at"]) - timezone.now()
    assert timedelta(days=3649) < left <= timedelta(days=3650)


@pytest.mark.parametrize(("ahead", "status"), [(0.4, 200), (30, 200), (3600, 401)])
def test_a_token_from_a_host_whose_clock_is_ahead(ahead: float, status: int, acme_viewer: User) -> None:
    token = SessionToken.for_session(make_session(acme_viewer))
    (kid, secret), *_ = settings.JWT_SIGNING_KEYS.items()
    claims = {**token.payload, "aud": "memgraph", "iss": "memgraph", "iat": timezone.now().timestamp() + ahead}
    sent = jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid})
    client = anonymous_client(HTTP_AUTHORIZATION=f"Bearer {sent}")
    assert client.get("/v1/auth/whoami").status_code == status


def test_an_expired_token_gets_no_leeway(acme_viewer: User) -> None:
    session = make_session(acme_viewer, expires_at=timezone.now() - timedelta(seconds=5))
    client = anonymous_client(HTTP_AUTHORIZATION=f"Bearer {SessionToken.for_session(session)}")
    assert_problem(client.get("/v1/auth/whoami"), 401, "token_expired")


def test_two_names_of_one_field_must_agree(editor_key: APIClient) -> None:
    assert codes(editor_key.get("/v1/beliefs?subject_id=a&user_id=b")) == {"user_id": "ambiguous"}
    assert codes(editor_key.post("/v1/context", {"task": "a", "query": "b"})) == {"query": "ambiguous"}
    login = {"username": "a@example.com", "email": "b@example.com", "password": PASSWORD}
    assert codes(anonymous_client().post("/v1/auth/login", login)) == {"email": "ambiguous"}


def test_two_names_with_one_value_are_fine(editor_key: APIClient, acme: Tenant) -> None:
    assert editor_key.get("/v1/beliefs?subject_id=a&user_id=a").status_code == 200
    assert editor_key.post("/v1/context", {"task": "a", "query": "a"}).status_code == 200


@pytest.mark.parametrize("how", ["file", "text"])
def test_a_byte_order_mark_is_no_part_of_a_text(how: str, editor_key: APIClient, acme: Tenant) -> None:
    for content in ("I prefer tea.", "\ufeffI prefer tea."):
        if how == "file":
            file = BytesIO(content.encode())
            file.name = "notes.txt"
            sent = editor_key.post("/v1/ingest", {"user_id": "ada", "file": file}, format="multipart")
        else:
            sent = editor_key.post("/v1/ingest", {"user_id": "ada", "text": content})
        assert sent.status_code == 200, sent.content
    with tenant_transaction(acme.id):
        assert [belief.value for belief in Belief.objects.for_tenant(acme.id)] == ["I prefer tea."]


def test_an_event_lies_a_day_ahead_at_most(editor_key: APIClient) -> None:
    soon, late = timezone.now() + timedelta(hours=23), timezone.now() + timedelta(hours=25)
    assert editor_key.post("/v1/events", {**EVENT, "occurred_at": soon}).status_code == 201
    for moment in (late, "2106-01-01T00:00:00Z", "2106-01-01T00:00:00+00:00"):
        assert codes(editor_key.post("/v1/events", {**EVENT, "occurred_at": moment})) == {
            "occurred_at": "in_the_future"
        }
    batch = {"events": [EVENT, {**EVENT, "occurred_at": late}]}
    assert codes(editor_key.post("/v1/events/batch", batch)) == {"events.1.occurred_at": "in_the_future"}


def test_the_newest_event_of_the_stats_is_not_one_of_the_future(editor_key: APIClient, acme: Tenant) -> None:
    """An import keeps the times of its rows."""
    now = timezone.now() - timedelta(minutes=1)  # before the test's transaction began
    make_event(acme, occurred_at=datetime(2106, 1, 1, tzinfo=UTC))
    assert editor_key.get("/v1/stats").json()["last_event_at"] is None
    make_event(acme, occurred_at=now)
    assert datetime.fromisoformat(editor_key.get("/v1/stats").json()["last_event_at"]) == now
    with tenant_transaction(acme.id):
        assert Event.objects.for_tenant(acme.id).count() == 2
