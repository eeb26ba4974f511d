"""Taking back what a key wrote, and erasing an end user."""

from datetime import datetime
from typing import Any, ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apikeys.models import APIKey
from memory.erasure import erase_user
from memory.serializers import NameField
from memory.undo import undo_writes
from tenants.actor import actor_of
from tenants.fields import TruthField
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.serializers import checked
from tenants.views import TenantAPIView

NOT_UNDONE: Final = (
    "What the key deleted or deactivated, and what it changed in rows of others (the confidence, type or domain of a"
    " belief, any field of an episode), can't be brought back."
)


class UndoSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(help_text="From this moment on, by when it was written here.")
    dry_run = TruthField(default=False, help_text="Counts all of it and changes nothing.")

    def validate_since(self, value: datetime) -> datetime:
        if value > timezone.now():
            raise serializers.ValidationError("This is in the future.", code="in_the_future")
        return value


class UndoneBeliefsSerializer(serializers.Serializer[Any]):
    removed = serializers.IntegerField(help_text="Versions that the key wrote.")
    restored = serializers.IntegerField(help_text="Versions before them that are active again.")
    kept_confirmed = serializers.IntegerField(help_text="Versions that stay: another credential said the same since.")


class LostBeliefsSerializer(serializers.Serializer[Any]):
    deleted = serializers.IntegerField(help_text="Versions that the key deleted since: gone for good.")
    deactivated = serializers.IntegerField(help_text="Versions that it deactivated: they are in the history.")


class UndoneSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    since = serializers.DateTimeField()
    events = serializers.IntegerField()
    episodes = serializers.IntegerField()
    beliefs = UndoneBeliefsSerializer()
    lost = LostBeliefsSerializer(help_text="What the key made forget, and nothing brings back.")
    not_undone = serializers.CharField(default=NOT_UNDONE)


class UndoView(TenantAPIView):
    """Takes back what a leaked key wrote."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=UndoSerializer, responses=UndoneSerializer)
    def post(self, request: Request, id: str) -> Response:
        """Takes back what this key wrote since a moment: its events, its episodes, its versions of beliefs.

        Where the active version of a belief goes, the newest one that is left is active again. A version that another
        credential confirmed since stays. Revoke the key first, try it with `dry_run`, then do it. What the key deleted,
        or changed in rows of others, can't come back.
        """
        key = APIKey.objects.for_tenant(self.principal.tenant_id).with_id(id)
        wanted = checked(UndoSerializer(data=request.data))
        undone = undo_writes(key=key, actor=actor_of(request), **wanted)
        return Response(UndoneSerializer(undone).data)


class EraseSerializer(serializers.Serializer[Any]):
    user_id = NameField(help_text="The end user, as `user_id` of events and episodes and `subject_id` of beliefs.")


class ErasedSerializer(serializers.Serializer[Any]):
    events = serializers.IntegerField()
    beliefs = serializers.IntegerField(help_text="Every version of each.")
    episodes = serializers.IntegerField()


class EraseView(TenantAPIView):
    """Erases one end user."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=EraseSerializer, responses=ErasedSerializer)
    def post(self, request: Request) -> Response:
        """Erases all that is remembered of one end user: events, beliefs, episodes. It can't be undone."""
        wanted = checked(EraseSerializer(data=request.data))
        erased = erase_user(tenant_id=self.principal.tenant_id, actor=actor_of(request), **wanted)
        return Response(ErasedSerializer(erased).data)
