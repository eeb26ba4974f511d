"""What users of such systems complain of most, as far as it concerns people: each test is a complaint, untrue here."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Counter, Tenant
from tests.accounts.people import NEW_PASSWORD, audited, sign_in, signed_in
from tests.factories import PASSWORD, client_for, make_user


def refused_as_ended(client: APIClient) -> bool:
    answer = client.get("/v1/auth/me")
    return (answer.status_code, answer.json()["code"]) == (401, "session_ended")


@pytest.mark.parametrize("scope", ["this", "all"])
def test_jwts_do_not_survive_logout(scope: str, ada: User) -> None:
    client, other = signed_in(ada.email), signed_in(ada.email)
    assert client.post("/v1/auth/logout", {"scope": scope}).status_code == 200
    assert refused_as_ended(client)
    assert other.get("/v1/auth/me").status_code == (401 if scope == "all" else 200)


def test_jwts_do_not_survive_a_password_change(ada: User) -> None:
    client, stolen = signed_in(ada.email), signed_in(ada.email)
    client.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    assert refused_as_ended(stolen)


def test_jwts_do_not_survive_a_password_reset(ada: User, admin: APIClient) -> None:
    stolen = signed_in(ada.email)
    token = admin.post(f"/v1/users/{ada.id}/reset-link").json()["link"].partition("#")[2]
    APIClient().post("/v1/auth/password-reset/confirm", {"token": token, "new_password": NEW_PASSWORD})
    assert refused_as_ended(stolen)


def test_jwts_do_not_survive_removal(ada: User, admin: APIClient) -> None:
    client = signed_in(ada.email)
    assert admin.delete(f"/v1/users/{ada.id}").status_code == 200
    assert refused_as_ended(client)


def test_nobody_is_locked_out_for_good(ada: User) -> None:
    """However often it was guessed, from the person's own address: the right password works after the next wait."""
    for _ in range(7):
        Counter.objects.update(ends_at=timezone.now())
        assert [sign_in(ada.email, "wrong").status_code for _ in range(12)][-1] == 429
    assert sign_in(ada.email).status_code == 429
    longest = max(Counter.objects.values_list("ends_at", flat=True)) - timezone.now()
    assert longest <= timedelta(minutes=15)
    Counter.objects.update(ends_at=timezone.now())
    assert sign_in(ada.email).status_code == 200


def test_nobody_locks_out_somebody_else(ada: User) -> None:
    """Neither from elsewhere, nor by way of other addresses from the same office."""
    assert sign_in(ada.email, ip="192.0.2.1").status_code == 200
    for number in range(60):
        sign_in(ada.email, "wrong", ip="198.51.100.1")
        sign_in(f"{number}@acme.example", "wrong", ip="192.0.2.1")
    assert sign_in(ada.email, ip="192.0.2.1").status_code == 200


def test_the_last_admin_does_not_lock_everyone_out(admin: APIClient, acme_admin: User) -> None:
    for body in ({"role": "viewer"}, {"is_active": False}):
        assert admin.patch(f"/v1/users/{acme_admin.id}", body).json()["code"] == "last_admin"
    assert admin.delete(f"/v1/users/{acme_admin.id}").json()["code"] == "last_admin"
    assert admin.get("/v1/users").status_code == 200


def test_invitation_needs_no_mail_server(admin: APIClient, acme: Tenant) -> None:
    invited = admin.post("/v1/invitations", {"email": "guest@acme.example", "role": "viewer"})
    token = invited.json()["link"].partition("#")[2]
    body = {"token": token, "password": PASSWORD, "full_name": "Guest"}
    assert APIClient().post("/v1/auth/invitations/accept", body).json()["tenant_id"] == str(acme.id)
    assert signed_in("guest@acme.example").get("/v1/auth/me").json()["role"] == "viewer"
    assert not mail.outbox


def test_password_reset_needs_no_mail_server(ada: User, admin: APIClient) -> None:
    token = admin.post(f"/v1/users/{ada.id}/reset-link").json()["link"].partition("#")[2]
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert APIClient().post("/v1/auth/password-reset/confirm", body).status_code == 200
    assert sign_in(ada.email, NEW_PASSWORD).status_code == 200
    assert not mail.outbox


def test_signup_can_be_by_invitation_only(settings: Settings) -> None:
    settings.SIGNUP = "invite"
    body = {"email": "x@x.example", "password": PASSWORD, "full_name": "X", "cluster_name": "X"}
    answer = APIClient().post("/v1/auth/onboard", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "signup_closed")
    assert not Tenant.objects.exists()


def test_keys_do_not_die_with_their_maker(admin: APIClient, acme: Tenant) -> None:
    maker = make_user(acme, email="maker@acme.example")
    key = client_for(maker).post("/v1/api-keys", {"name": "production"}).json()["api_key"]
    assert admin.delete(f"/v1/users/{maker.id}").status_code == 200
    assert APIClient().get("/v1/auth/whoami", HTTP_X_API_KEY=key).status_code == 200
    assert APIKey.objects.get().created_by_label == "maker@acme.example"


def test_what_people_do_is_in_the_audit_log_for_free(ada: User, admin: APIClient) -> None:
    client = signed_in(ada.email)
    sign_in(ada.email, "wrong")
    client.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    admin.patch(f"/v1/users/{ada.id}", {"role": "viewer"})
    invited = admin.post("/v1/invitations", {"email": "guest@acme.example", "role": "viewer"}).json()
    admin.delete(f"/v1/invitations/{invited['id']}")
    admin.delete(f"/v1/users/{ada.id}")
    assert audited(ada.tenant) == [
        "session.signed_in",
        "session.sign_in_refused",
        "password.changed",
        "user.changed",
        "invitation.created",
        "invitation.revoked",
        "user.removed",
    ]
