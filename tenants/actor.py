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
    """Who does something, and from where: what every service is told, and the audit log keeps."""

    kind: ActorKind = ActorKind.ANONYMOUS
    id: UUID | None = None
    label: str = ""
    address: str | None = None
    agent: str = ""
    request_id: str = ""

    def as_user(self, user_id: UUID, label: str) -> Self:
        """The same request, once it is known whose it is."""
        return replace(self, kind=ActorKind.USER, id=user_id, label=label)

    @property
    def user_id(self) -> UUID | None:
        return self.id if self.kind is ActorKind.USER else None


def actor_of(request: Request | HttpRequest, principal: Principal | None = None) -> Actor:
    """The actor of a request: its principal, an operator in the admin, or nobody."""
    where: dict[str, Any] = {
        "address": client_address(request),
        "agent": client_agent(request),
        "request_id": getattr(request, "request_id", ""),
    }
    principal = principal or getattr(request, "principal", None)
    if principal is not None:
        return Actor(kind=ActorKind(principal.kind), id=principal.id, label=principal.label, **where)
    if request.user.is_staff:
        return Actor(kind=ActorKind.OPERATOR, id=request.user.pk, label=str(request.user), **where)
    return Actor(**where)


def command_line_actor() -> Actor:
    return Actor(kind=ActorKind.OPERATOR, label="command line")
