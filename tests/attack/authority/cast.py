"""Who takes part in an attack: a victim with two sessions and a key, an admin beside it, and two operators."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.models import Session, User
from accounts.tokens import SessionToken
from apikeys.models import APIKey
from tenants.models import Role, Tenant
from tests.accounts.people import CheapHasher
from tests.attack.authority.calls import bearer, key_header, operator_cookie, studio_cookie
from tests.factories import PASSWORD, make_key, make_session, make_tenant, make_user
from tests.operators import make_operator, operator_client

OF_SESSION: Final = "session"  # a person at the API
OF_PAGE: Final = "page"  # the same in the Studio
OF_KEY: Final = "key"
OF_OPERATOR: Final = "operator"


@cache
def password_hash() -> str:
    return CheapHasher().encode(PASSWORD, "a salt of tests")


@dataclass
class Cast:
    """Everybody is warm: was seen a moment ago, so that authentication writes nothing."""

    tenant: Tenant
    victim: User
    boss: User
    session: Session
    elsewhere: Session  # the victim's other one
    boss_session: Session
    key: APIKey
    api_key: str

    def credential(self, kind: str) -> dict[str, str]:
        """The header that the victim sends."""
        if kind == OF_KEY:
            return key_header(self.api_key)
        if kind == OF_OPERATOR:
            return operator_cookie(self.operator[1])
        return studio_cookie(token_of(self.session)) if kind == OF_PAGE else bearer(token_of(self.session))

    def actor_id(self, kind: str) -> Any:
        return {OF_KEY: self.key, OF_OPERATOR: self.operator[0] if kind == OF_OPERATOR else None}.get(
            kind, self.victim
        ).id

    @cached_property
    def operator(self) -> tuple[User, str]:
        """And the key of the session."""
        return signed_in_operator("victim@operators.example")

    @cached_property
    def colleague(self) -> tuple[User, str]:
        return signed_in_operator("colleague@operators.example")

    @property
    def boss_headers(self) -> dict[str, str]:
        return bearer(token_of(self.boss_session))

    @property
    def elsewhere_headers(self) -> dict[str, str]:
        return bearer(token_of(self.elsewhere))


def make_cast(role: str = Role.ADMIN) -> Cast:
    now = timezone.now()
    tenant = make_tenant("Acme")
    victim, boss = make_person(tenant, role), make_person(tenant, Role.ADMIN)
    sessions = [make_session(person, last_seen_at=now) for person in (victim, victim, boss)]
    key, api_key = make_key(tenant, role, name="the victim's")
    APIKey.objects.filter(id=key.id).update(last_used_at=now)
    return Cast(tenant, victim, boss, *sessions, key, api_key)


def make_person(tenant: Tenant, role: str, **fields: Any) -> User:
    person = make_user(tenant, role, **fields)
    person.password = password_hash()
    person.save(update_fields=["password"])
    return person


def cool(cast: Cast) -> None:
    """So that the next authentication notes that it saw the victim: there a test can hold it."""
    before = timezone.now() - timedelta(minutes=2)
    Session.objects.filter(id__in=[cast.session.id, cast.elsewhere.id]).update(last_seen_at=before)
    APIKey.objects.filter(id=cast.key.id).update(last_used_at=before)


def token_of(session: Session) -> str:
    return str(SessionToken.for_session(session))


def signed_in_operator(email: str) -> tuple[User, str]:
    operator = make_operator(email, None)
    operator.password = password_hash()
    operator.save(update_fields=["password"])
    client = operator_client(operator)
    return operator, client.cookies[settings.SESSION_COOKIE_NAME].value
