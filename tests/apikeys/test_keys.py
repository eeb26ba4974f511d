"""Making, listing and revoking keys."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.serializers import serialize
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.keys import is_well_formed
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import anonymous_client, make_key

PATH = "/v1/api-keys"
FIELDS = {
    "id",
    "name",
    "prefix",
    "last4",
    "role",
    "created_by",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_used_ip",
    "last_used_agent",
    "revoked_at",
    "replaced_by_id",
    "allowed_ips",
    "rate_limit_per_minute",
    "status",
    "policy_violations",
}


def create(client: APIClient, **fields: Any) -> Any:
    return client.post(PATH, {"name": "production-key"} | fields)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def faults(response: Any) -> set[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    return {(error["field"], error["code"]) for error in response.json()["errors"]}


def test_the_answer_to_making_a_key_shows_it_once(admin: APIClient) -> None:
    response = create(admin)
    answer = response.json()
    plaintext = answer["api_key"]
    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    assert set(answer) == {*FIELDS, "api_key"}
    assert is_well_formed(plaintext)
    assert (answer["prefix"], answer["last4"]) == (plaintext[:12], plaintext[-4:])
    assert (answer["name"], answer["role"], answer["status"]) == ("production-key", "editor", "active")
    assert answer["created_by"] == "admin@acme.example"
    assert [answer[field] for field in ("expires_at", "last_used_at", "last_used_ip", "revoked_at")] == [None] * 4
    whoami = anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/auth/whoami").json()
    assert whoami["key"]["id"] == answer["id"]


def test_the_key_is_nowhere_else(admin: APIClient) -> None:
    answer = create(admin).json()
    plaintext, digest = answer["api_key"], bytes(APIKey.objects.get().digest)
    later = [
        admin.get(PATH),
        admin.get(f"{PATH}/{answer['id']}"),
        admin.delete(f"{PATH}/{answer['id']}"),
        admin.get(f"{PATH}?include_revoked=true"),
    ]
    stored = serialize("json", [*APIKey.objects.all(), *User.objects.all(), *Tenant.objects.all()])
    for text in [stored, *(response.content.decode() for response in later)]:
        assert plaintext[12:] not in text
        assert "api_key" not in text.replace("apikeys.apikey", "")
    for response in later:
        assert digest.hex() not in response.content.decode()
        assert "digest" not in response.content.decode()
    assert str(APIKey.objects.get()) == "production-key"


@pytest.mark.parametrize("role", ["viewer", "editor", "admin"])
def test_a_key_has_the_role_that_was_asked_for(role: str, admin: APIClient) -> None:
    answer = create(admin, role=role).json()
    whoami = anonymous_client(HTTP_X_API_KEY=answer["api_key"]).get("/v1/auth/whoami").json()
    assert (answer["role"], whoami["role"]) == (role, role)


@pytest.mark.parametrize("days", [1, 30, 3650, "30", 30.0])
def test_a_key_may_end_after_days(days: Any, admin: APIClient) -> None:
    before = timezone.now()
    ends = moment(create(admin, expires_in_days=days).json()["expires_at"])
    assert before <= ends - timedelta(days=int(days)) <= timezone.now()


@pytest.mark.parametrize("text", ["2034-01-02T03:04:05Z", "2034-01-02T05:04:05+02:00", "2034-01-02T03:04:05"])
def test_a_key_may_end_at_a_moment(text: str, admin: APIClient) -> None:
    assert create(admin, expires_at=text).json()["expires_at"] == "2034-01-02T03:04:05Z"


@pytest.mark.parametrize(
    "fields", [{"expires_at": None}, {"expires_in_days": None}, {"expires_at": None, "expires_in_days": None}]
)
def test_null_means_without_end(fields: dict[str, Any], admin: APIClient) -> None:
    assert create(admin, **fields).json()["expires_at"] is None


@pytest.mark.parametrize("fields", [{"expires_at": None, "expires_in_days": 7}, {"expires_in_days": 7}])
def test_null_beside_days_does_not_win(fields: dict[str, Any], admin: APIClient) -> None:
    assert create(admin, **fields).json()["expires_at"] is not None


REFUSED: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"expires_at": "2034-01-01T00:00:00Z", "expires_in_days": 7}, ("expires_in_days", "ambiguous")),
    ({"expires_at": "2020-01-01T00:00:00Z"}, ("expires_at", "in_the_past")),
    ({"expires_at": "tomorrow"}, ("expires_at", "invalid")),
    ({"expires_at": ""}, ("expires_at", "invalid")),
    ({"expires_at": 4102444800}, ("expires_at", "invalid")),
    ({"expires_at": []}, ("expires_at", "invalid")),
    ({"expires_at": "2099-02-30T00:00:00Z"}, ("expires_at", "invalid")),
    ({"expires_at": "9999-12-31T23:59:59-23:59"}, ("expires_at", "overflow")),
    ({"expires_in_days": 0}, ("expires_in_days", "min_value")),
    ({"expires_in_days": -1}, ("expires_in_days", "min_value")),
    ({"expires_in_days": 3651}, ("expires_in_days", "max_value")),
    ({"expires_in_days": 2**63}, ("expires_in_days", "max_value")),
    ({"expires_in_days": 1e300}, ("expires_in_days", "invalid")),
    ({"expires_in_days": 1.5}, ("expires_in_days", "invalid")),
    ({"expires_in_days": True}, ("expires_in_days", "invalid")),
    ({"expires_in_days": "9" * 5000}, ("expires_in_days", "max_string_length")),
    ({"expires_in_days": [7]}, ("expires_in_days", "invalid")),
    ({"role": "owner"}, ("role", "invalid_choice")),
    ({"role": "Admin"}, ("role", "invalid_choice")),
    ({"role": 3}, ("role", "invalid_choice")),
    ({"role": ["admin"]}, ("role", "invalid_choice")),
    ({"role": None}, ("role", "null")),
    ({"role": ""}, ("role", "invalid_choice")),
    ({"name": ""}, ("name", "blank")),
    ({"name": " \t "}, ("name", "blank")),
    ({"name": None}, ("name", "null")),
    ({"name": "x" * 101}, ("name", "max_length")),
    ({"name": "a\nb"}, ("name", "control_character")),
    ({"name": {}}, ("name", "invalid")),
]


@pytest.mark.parametrize(("fields", "fault"), REFUSED, ids=lambda part: str(part)[:50])
def test_a_key_is_refused(fields: dict[str, Any], fault: tuple[str, str], admin: APIClient) -> None:
    assert faults(create(admin, **fields)) == {fault}
    assert not APIKey.objects.exists()


def test_a_key_needs_a_name(admin: APIClient) -> None:
    assert faults(admin.post(PATH, {})) == {("name", "required")}


def test_fields_that_are_not_the_callers_are_ignored(admin: APIClient, globex: Tenant, acme: Tenant) -> None:
    wish = {
        "id": "00000000-0000-7000-8000-000000000001",
        "tenant": str(globex.id),
        "digest": "00" * 32,
        "api_key": "mg_live_mine",
        "prefix": "mg_live_mine",
        "last4": "mine",
        "created_by": "somebody",
        "created_by_label": "somebody",
        "created_at": "2020-01-01T00:00:00Z",
        "revoked_at": "2020-01-01T00:00:00Z",
        "status": "revoked",
    }
    answer = create(admin, **wish).json()
    assert all(answer.get(field) != value for field, value in wish.items())
    assert APIKey.objects.get().tenant == acme
    assert anonymous_client(HTTP_X_API_KEY=answer["api_key"]).get("/v1/stats").status_code == 200


def test_one_key_is_shown_as_in_the_list(admin: APIClient, acme: Tenant) -> None:
    key, _ = make_key(acme)
    assert admin.get(f"{PATH}/{key.id}").json() == admin.get(PATH).json()["items"][0]
    assert admin.get(f"{PATH}/{str(key.id).upper()}").status_code == 200


@pytest.mark.parametrize(
    "spell", ["{{{0}}}", "urn:uuid:{0}", "{0.hex}", "{0} ", "{0}%00", "{0}.json", "1", "%00", "null"]
)
def test_another_spelling_of_an_id_is_not_found(spell: str, admin: APIClient, acme: Tenant) -> None:
    key, _ = make_key(acme)
    for method in (admin.get, admin.delete):
        response = method(f"{PATH}/{spell.format(key.id)}")
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_revoked_key_is_refused_from_the_answer_on(admin: APIClient, acme: Tenant) -> None:
    key, plaintext = make_key(acme)
    program = anonymous_client(HTTP_X_API_KEY=plaintext)
    program.get("/v1/auth/whoami")
    answer = admin.delete(f"{PATH}/{key.id}")
    key.refresh_from_db()
    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "status", "revoked_at", "last_used_at"}
    assert (answer.json()["id"], answer.json()["status"]) == (str(key.id), "revoked")
    assert moment(answer.json()["revoked_at"]) == key.revoked_at
    assert moment(answer.json()["last_used_at"]) == key.last_used_at
    assert program.get("/v1/auth/whoami").json()["code"] == "key_revoked"


def test_a_key_is_revoked_once(admin: APIClient, acme: Tenant) -> None:
    key, _ = make_key(acme)
    first = moment(admin.delete(f"{PATH}/{key.id}").json()["revoked_at"])
    again = admin.delete(f"{PATH}/{key.id}")
    assert (again.status_code, again.json()["code"]) == (409, "already_revoked")
    key.refresh_from_db()
    assert key.revoked_at == first


def test_an_expired_key_can_be_revoked(admin: APIClient, acme: Tenant) -> None:
    key, _ = make_key(acme, expires_at=timezone.now() - timedelta(days=1))
    assert admin.delete(f"{PATH}/{key.id}").json()["status"] == "revoked"
