"""Undoing the writes of a key, erasing an end user, and deleting the tenant."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.confirmation import confirm_password
from accounts.serializers import PasswordField
from accounts.validators import LONGEST
from apikeys.models import APIKey
from memory.removal.end_user import erase_user
from memory.removal.tenant import delete_tenant
from memory.removal.undo import undo_writes
from memory.serializers import NameField
from tenants.actor import actor_of
from tenants.fields import TruthField
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.responses import Response
from tenants.serializers import checked, confirm_name
from tenants.views import TenantAPIView, TenantView

NOT_UNDONE: Final = (
    "An undo can't restore what the key deleted or deactivated, nor what it changed in others' rows (the confidence,"
    " type or domain of a belief, any field of an episode)."
)


class UndoSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(help_text="Undoes what was written at this time or later.")
    dry_run = TruthField(default=False, help_text="Counts everything and changes nothing.")

    def validate_since(self, value: datetime) -> datetime:
        if value > timezone.now():
            raise serializers.ValidationError("This is in the future.", code="in_the_future")
        return value


class UndoneBeliefsSerializer(serializers.Serializer[Any]):
    removed = serializers.IntegerField(help_text="Versions that the key wrote.")
    restored = serializers.IntegerField(help_text="Earlier versions that are active again.")
    kept_confirmed = serializers.IntegerField(help_text="Versions kept because another credential confirmed them.")


class LostBeliefsSerializer(serializers.Serializer[Any]):
    deleted = serializers.IntegerField(help_text="Versions that the key has deleted. They can't be restored.")
    deactivated = serializers.IntegerField(help_text="Versions that it has deactivated. They are in the history.")


class UndoneSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    since = serializers.DateTimeField()
    events = serializers.IntegerField()
    episodes = serializers.IntegerField()
    beliefs = UndoneBeliefsSerializer()
    lost = LostBeliefsSerializer(help_text="What the key forgot, and an undo can't restore.")
    not_undone = serializers.CharField(default=NOT_UNDONE)


class UndoView(TenantAPIView):
    """Undoes the writes of a leaked key."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=UndoSerializer, responses=UndoneSerializer)
    def post(self, request: Request, id: str) -> Response:
        """Removes the events, episodes and versions of beliefs that this key wrote since a given time.

        If the active version of a belief is removed, the newest remaining one becomes active again. A version that
        another credential has confirmed stays. Revoke the key first, then try it with `dry_run`. An undo can't
        restore what the key deleted, nor what it changed in others' rows.
        """
        key = APIKey.objects.for_tenant(self.principal.tenant_id).with_id(id)
        wanted = checked(UndoSerializer, request.data)
        undone = undo_writes(key=key, actor=actor_of(request), **wanted)
        return Response(UndoneSerializer(undone).data)


class EraseSerializer(serializers.Serializer[Any]):
    user_id = NameField(help_text="The end user, as `user_id` of events and episodes and `subject_id` of beliefs.")


class ErasedSerializer(serializers.Serializer[Any]):
    events = serializers.IntegerField()
    beliefs = serializers.IntegerField(help_text="All versions of beliefs.")
    episodes = serializers.IntegerField()


class EraseView(TenantAPIView):
    """Erases one end user."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=EraseSerializer, responses=ErasedSerializer)
    def post(self, request: Request) -> Response:
        """Erases all events, beliefs and episodes of one end user. It can't be undone."""
        wanted = checked(EraseSerializer, request.data)
        erased = erase_user(tenant_id=self.principal.tenant_id, actor=actor_of(request), **wanted)
        return Response(ErasedSerializer(erased).data)


class DeleteTenantSerializer(serializers.Serializer[Any]):
    confirm = serializers.CharField(trim_whitespace=False, help_text="The tenant's name.")
    password = PasswordField(max_length=LONGEST, help_text="The caller's password.")

    def validate_confirm(self, value: str) -> str:
        confirm_name(value, self.context["name"], what="name of the workspace")
        return value


class DeletedTenantSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.CharField(default="deleted")
    deleted = serializers.DictField(child=serializers.IntegerField(), help_text="Rows of each kind.")


class DeletableTenantView(TenantView):
    """The caller's tenant. Its deletion is here because it has to know all apps."""

    access: ClassVar = {**TenantView.access, "DELETE": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=DeleteTenantSerializer, responses=DeletedTenantSerializer)
    def delete(self, request: Request) -> Response:
        """Deletes the tenant with its memory, keys, people, sessions and audit log. It can't be undone.

        The tenant is suspended first. If the deletion is interrupted, it stays suspended, and the operator finishes
        with `delete_tenant`.
        """
        sent = checked(DeleteTenantSerializer, request.data, context={"name": self.principal.tenant_name})
        actor = actor_of(request)
        confirm_password(principal=self.principal, password=sent["password"], actor=actor)
        deleted = delete_tenant(tenant_id=self.principal.tenant_id, actor=actor)
        return Response(DeletedTenantSerializer({"id": self.principal.tenant_id, "deleted": deleted}).data)
