"""What viewer, editor and admin mean. Predicates on the principal; none depends on another having run first."""

from collections.abc import Iterable
from typing import ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.models import Role
from tenants.principal import Kind, Nobody, Principal, principal_of


class TenantPermission(BasePermission):
    minimum_role: ClassVar[Role]
    code = "role_required"

    @property
    def message(self) -> str:
        higher = "" if self.minimum_role is Role.ADMIN else " or a higher one"
        return f"This needs the role {self.minimum_role}{higher}."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return self.allows(principal_of(request))

    @classmethod
    def allows(cls, principal: Principal | Nobody) -> bool:
        return principal.role is not None and principal.role.level >= cls.minimum_role.level


class IsTenantViewer(TenantPermission):
    """Reads events, beliefs, episodes and stats."""

    minimum_role = Role.VIEWER


class IsTenantEditor(TenantPermission):
    """Also writes events, beliefs and episodes; neither exports nor manages the tenant."""

    minimum_role = Role.EDITOR


class IsTenantAdmin(TenantPermission):
    """Also exports and imports. A person's session may also manage keys, people and settings; a key may not."""

    minimum_role = Role.ADMIN


def demanded_role(permissions: Iterable[type[BasePermission]]) -> Role:
    """The least role that satisfies all of them."""
    roles = [each.minimum_role for each in permissions if issubclass(each, TenantPermission)]
    return max(roles, key=lambda role: role.level, default=Role.VIEWER)


class IsUserSession(BasePermission):
    """A person's session (JWT): a program with a key can't do what is meant for people."""

    code = "user_session_required"
    message = "This needs a signed-in person: send a JWT as 'Authorization: Bearer ...'. Keys are for programs."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return principal_of(request).kind is Kind.USER
