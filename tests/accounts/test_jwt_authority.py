"""A good token is worth what the rows and the signing keys say now."""

import hashlib
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Session, User
from accounts.tokens import key_ring
from tenants.models import Tenant
from tests.accounts.forging import ENDED, EXPIRED, INVALID, ask, assert_refused, good_claims, sign
from tests.factories import make_session, make_token


def test_another_persons_sub_and_tenant_are_refused(session: Session, acme_admin: User, globex_admin: User) -> None:
    theirs = make_session(globex_admin)
    for change in (
        {"sub": str(acme_admin.id)},
        {"sub": str(globex_admin.id)},
        {"tenant_id": str(globex_admin.tenant_id)},
        {"sub": str(globex_admin.id), "tenant_id": str(globex_admin.tenant_id)},
        {"jti": str(theirs.id)},
    ):
        assert_refused(ask(sign(good_claims(session) | change)))


def delete(session: Session) -> None:
    session.user.delete()


def deactivate(session: Session) -> None:
    User.objects.update(is_active=False)


def end(session: Session) -> None:
    Session.objects.update(ended_at=timezone.now())


def expire(session: Session) -> None:
    Session.objects.update(expires_at=timezone.now())


def move(session: Session) -> None:
    User.objects.update(tenant=Tenant.objects.create(name="Elsewhere"))


@pytest.mark.parametrize(
    ("take_away", "code"), [(delete, ENDED), (deactivate, ENDED), (end, ENDED), (expire, EXPIRED), (move, INVALID)]
)
def test_what_was_taken_away_counts_at_once(take_away: Any, code: str, session: Session) -> None:
    token = sign(good_claims(session))
    assert ask(token).status_code == 200
    take_away(session)
    assert_refused(ask(token), code)


def test_a_suspended_tenant_is_forbidden(session: Session) -> None:
    Tenant.objects.update(suspended_at=timezone.now())
    response = ask(sign(good_claims(session)))
    assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")
    assert "WWW-Authenticate" not in response


def test_a_live_token_of_an_operator_does_not_exist(acme: Tenant) -> None:
    operator = User.objects.create_superuser("root@memgraph.example")
    session = Session.objects.create(user=operator, tenant=acme, expires_at=timezone.now() + timedelta(days=1))
    assert_refused(ask(sign(good_claims(session))))


@pytest.fixture
def key_ring_of(settings: Settings) -> Any:
    def use(**keys: str) -> None:
        settings.JWT_SIGNING_KEYS = keys
        key_ring.cache_clear()

    yield use
    key_ring.cache_clear()


def test_a_signing_key_is_replaced_without_ending_sessions(key_ring_of: Any, acme_viewer: User) -> None:
    old, new = (hashlib.sha256(name).hexdigest() for name in (b"old", b"new"))
    key_ring_of(old=old)
    first = make_token(acme_viewer)
    key_ring_of(new=new, old=old)
    second = make_token(acme_viewer)
    assert [jwt.get_unverified_header(token)["kid"] for token in (first, second)] == ["old", "new"]
    assert [ask(token).status_code for token in (first, second)] == [200, 200]
    key_ring_of(new=new)
    assert ask(second).status_code == 200
    assert_refused(ask(first))
    key_ring_of(new=old)
    assert_refused(ask(second))


def test_a_token_is_signed_by_the_key_that_it_names(key_ring_of: Any, session: Session) -> None:
    key_ring_of(a="a" * 32, b="b" * 32)
    claims = good_claims(session)
    assert ask(sign(claims, {"alg": "HS256", "kid": "b"}, secret="b" * 32)).status_code == 200
    assert_refused(ask(sign(claims, {"alg": "HS256", "kid": "a"}, secret="b" * 32)))
