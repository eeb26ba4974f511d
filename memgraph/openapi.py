"""Describes what drf-spectacular can't read from the code: the two credentials and the problem responses."""

from typing import Any, Literal

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers
from rest_framework.permissions import BasePermission

from tenants.permissions import IsUserSession, TenantPermission

Direction = Literal["request", "response"]


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the library is untyped here
    target_class = "accounts.authentication.JWTAuthentication"
    name = "JWT"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A person's session."}


class APIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the library is untyped here
    target_class = "apikeys.authentication.APIKeyAuthentication"
    name = "APIKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "header", "name": "X-API-KEY", "description": "A program's key: mg_live_..."}


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457. `code` is for programs and stays; `detail` is a sentence for people."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment] # shadows DRF's own `errors`


class Schema(AutoSchema):
    """Groups operations by path, describes their access, and adds the problem response to each."""

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and part not in ("v1", "v2")]
        return [parts[0] if parts else "root"]

    def access(self) -> list[type[BasePermission]]:
        access: list[type[BasePermission]] = getattr(self.view, "access", {}).get(self.method, [])
        return access

    def get_auth(self) -> list[dict[str, Any]]:
        schemes: list[dict[str, Any]] = super().get_auth()
        return [scheme for scheme in schemes if "JWT" in scheme] if IsUserSession in self.access() else schemes

    def get_description(self) -> str:  # type: ignore[override] # the library's annotation is wrong
        roles = [kind.minimum_role for kind in self.access() if issubclass(kind, TenantPermission)]
        return " ".join([super().get_description() or "", *(f"Needs the role {role}." for role in roles)]).strip()

    def get_summary(self) -> str | None:
        """The first sentence of the description."""
        return str(self.get_description()).split(". ")[0].split("\n")[0].removesuffix(".") or None

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if "204" in bodies:  # the library's default for DELETE; here every response has a body
            del bodies["204"]
            done = {"application/json": {"schema": {"type": "object"}}}
            bodies["200"] = {"description": "What was done.", "content": done}
        problem = self.resolve_serializer(ProblemSerializer, direction).ref
        content = {"application/problem+json": {"schema": problem}}
        bodies["default"] = {"description": "A problem: see its `code`.", "content": content}
        return bodies
