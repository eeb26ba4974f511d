"""Plain functions that make rows. No password is hashed unless a test needs one."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone
from rest_framework.test import APIClient

from accounts.links import digest, generate_token
from accounts.models import Invitation, ResetToken, Session, User
from accounts.tokens import SessionToken
from apikeys.models import APIKey
from apikeys.services import create_key
from memory.beliefs.services import record_belief
from memory.episodes.services import record_episode
from memory.events.services import record_event
from memory.models import Belief, Episode, Event
from memory.transactions import tenant_transaction
from tenants.actor import Actor
from tenants.audit.log import start_chain
from tenants.models import Role, Tenant
from tenants.principal import Kind, Principal

PASSWORD = "seventeen green herons"
numbers = count()


def make_tenant(name: str = "Acme", **fields: Any) -> Tenant:
    tenant = Tenant.objects.create(name=name, **fields)
    start_chain(tenant.id)
    return tenant


def make_user(tenant: Tenant | None = None, role: str = Role.ADMIN, **fields: Any) -> User:
    fields = {"email": f"person{next(numbers)}@example.com", "full_name": "Ada Lovelace"} | fields
    password = fields.pop("password", None)
    user = User(tenant=tenant or make_tenant(), role=role, **fields)
    user.set_password(password) if password else user.set_unusable_password()
    user.save()
    return user


def make_session(user: User, **fields: Any) -> Session:
    fields = {"expires_at": timezone.now() + timedelta(days=7)} | fields
    return Session.objects.create(user=user, tenant=user.tenant, **fields)


def make_token(user: User) -> str:
    return str(SessionToken.for_session(make_session(user)))


def make_invitation(tenant: Tenant, token: str = "", **fields: Any) -> Invitation:
    """Its link's token is what is given."""
    fields = {"email": f"guest{next(numbers)}@example.com", "role": Role.EDITOR} | fields
    fields = {"expires_at": timezone.now() + timedelta(hours=72), "invited_by_label": "tests"} | fields
    return Invitation.objects.create(tenant=tenant, digest=digest(token or generate_token()), **fields)


def make_reset_token(user: User, token: str = "", **fields: Any) -> ResetToken:
    """Its link's token is what is given."""
    fields = {"expires_at": timezone.now() + timedelta(hours=1)} | fields
    return ResetToken.objects.create(user=user, digest=digest(token or generate_token()), **fields)


def make_key(tenant: Tenant, role: str = Role.EDITOR, **fields: Any) -> tuple[APIKey, str]:
    fields = {"name": "a key", "actor": Actor(label="tests")} | fields
    return create_key(tenant_id=tenant.id, role=Role(role), **fields)


def changed_key(tenant: Tenant, role: str = Role.EDITOR, **columns: Any) -> tuple[APIKey, str]:
    """A key with a past, which no service would write."""
    key, plaintext = make_key(tenant, role)
    APIKey.objects.filter(id=key.id).update(**columns)
    key.refresh_from_db()
    return key, plaintext


def anonymous_client(**headers: str) -> APIClient:
    client = APIClient()
    client.credentials(**headers)
    return client


def client_for(user: User) -> APIClient:
    """Signed in: sends the JWT of a new session."""
    return anonymous_client(HTTP_AUTHORIZATION=f"Bearer {make_token(user)}")


def key_client(tenant: Tenant, role: str = Role.EDITOR, **fields: Any) -> APIClient:
    return anonymous_client(HTTP_X_API_KEY=make_key(tenant, role, **fields)[1])


def principal_of(tenant: Tenant, role: str = Role.EDITOR) -> Principal:
    return Principal(
        kind=Kind.ANONYMOUS, id=tenant.id, tenant_id=tenant.id, tenant_name=tenant.name, role=Role(role), label="tests"
    )


def make_event(tenant: Tenant, **fields: Any) -> Event:
    fields = {"event_type": "user_message", "content": {"text": "hello"}, "user_id": "ada"} | fields
    return Event(**record_event(principal=principal_of(tenant), **fields))


def make_belief(tenant: Tenant, **fields: Any) -> Belief:
    defaults = {"subject_id": "ada", "key": "city", "value": "London", "confidence": 0.5, "belief_type": "fact"}
    with tenant_transaction(tenant.id):
        return record_belief(principal=principal_of(tenant), **(defaults | fields))[0]


def make_episode(tenant: Tenant, **fields: Any) -> Episode:
    fields = {"user_id": "ada", "summary": "They spoke.", "started_at": timezone.now()} | fields
    with tenant_transaction(tenant.id):
        return record_episode(principal=principal_of(tenant), **fields)
