from dataclasses import dataclass, replace
from typing import Any, Self
from uuid import UUID

from django.db import models
from django.http import HttpRequest
from rest_framework.request import Request

from tenants.network import client_address, client_agent
from tenants.principal import Principal


class ActorKind(models.TextChoices):
    USER = "user"
    API_KEY = "api_key"
    OPERATOR = "operator"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and from where. Every service takes an actor, and the audit log stores it."""

    kind: ActorKind = ActorKind.ANONYMOUS
    id: UUID | None = None
    label: str = ""
    address: str | None = None
    agent: str = ""
    request_id: str = ""
    principal: Principal | None = None  # its authority is confirmed again before the commit
    operator_session: str | None = None  # the stored key of a Django admin session, confirmed likewise

    @property
    def credential_id(self) -> UUID | None:
        """The id of the key or user on which the act takes a shared lock: see `authority.py`."""
        if self.operator_session is not None:
            return self.id
        return (self.principal.key_id or self.principal.user_id) if self.principal else None

    def as_user(self, user_id: UUID, label: str) -> Self:
        """The same actor, once the request has identified the user."""
        return replace(self, kind=ActorKind.USER, id=user_id, label=label, principal=None)

    @property
    def user_id(self) -> UUID | None:
        return self.id if self.kind is ActorKind.USER else None


def actor_of(request: Request | HttpRequest, principal: Principal | None = None) -> Actor:
    """The actor of a request: its principal, an operator in the Django admin, or an anonymous caller."""
    where: dict[str, Any] = {
        "address": client_address(request),
        "agent": client_agent(request),
        "request_id": getattr(request, "request_id", ""),
    }
    principal = principal or getattr(request, "principal", None)
    if principal is not None:
        kind = ActorKind(principal.kind)
        return Actor(kind=kind, id=principal.id, label=principal.label, principal=principal, **where)
    if request.user.is_staff:
        operator: dict[str, Any] = {"id": request.user.pk, "operator_session": session_of(request)}
        return Actor(kind=ActorKind.OPERATOR, label=str(request.user), **operator, **where)
    return Actor(**where)


def session_of(request: Request | HttpRequest) -> str:
    """The stored key of an operator's session: see `accounts/operator_sessions.py`."""
    key: str = request.session.stored_key  # type: ignore[attr-defined] # only our session store has it
    return key


def command_line_actor() -> Actor:
    return Actor(kind=ActorKind.OPERATOR, label="command line")
