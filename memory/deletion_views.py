from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.confirmation import confirm_password
from accounts.serializers import PasswordField
from accounts.validators import LONGEST
from memory.deletion import delete_tenant
from tenants.actor import actor_of
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.serializers import checked
from tenants.views import TenantView


class DeleteTenantSerializer(serializers.Serializer[Any]):
    confirm = serializers.CharField(trim_whitespace=False, help_text="The tenant's name.")
    password = PasswordField(max_length=LONGEST, help_text="The password of whoever asks.")

    def validate_confirm(self, value: str) -> str:
        if value != self.context["name"]:
            raise serializers.ValidationError("This is not the name of the workspace.", code="confirm_wrong")
        return value


class DeletedTenantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.CharField(default="deleted")
    deleted = serializers.DictField(child=serializers.IntegerField(), help_text="Rows of each kind.")


class DeletableTenantView(TenantView):
    """The tenant of whoever asks, which its admin may delete: here, because that has to know all apps."""

    access: ClassVar = {**TenantView.access, "DELETE": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=DeleteTenantSerializer, responses=DeletedTenantSerializer)
    def delete(self, request: Request) -> Response:
        """Deletes the tenant with everything of it: memory, keys, people, sessions, audit log. It can't be undone.

        It is suspended first. Broken off half-way, it stays so, and the operator finishes with `delete_tenant`.
        """
        sent = checked(DeleteTenantSerializer(data=request.data, context={"name": self.principal.tenant_name}))
        actor = actor_of(request)
        confirm_password(principal=self.principal, password=sent["password"], actor=actor)
        deleted = delete_tenant(tenant_id=self.principal.tenant_id, actor=actor)
        return Response(DeletedTenantSerializer({"id": self.principal.tenant_id, "deleted": deleted}).data)
