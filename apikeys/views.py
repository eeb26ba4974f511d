from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request

from apikeys.attention import key_health
from apikeys.models import APIKey, APIKeyQuerySet
from apikeys.serializers import (
    APIKeyChangesSerializer,
    APIKeyFilterSerializer,
    APIKeySerializer,
    CreateAPIKeySerializer,
    KeyHealthSerializer,
    LeakReportedSerializer,
    LeakSerializer,
    NewAPIKeySerializer,
    OldAPIKeySerializer,
    RevokedAPIKeySerializer,
    RotatedAPIKeySerializer,
    RotateSerializer,
)
from apikeys.services import change_key, create_key, report_leak, revoke_key, rotate_key
from tenants.actor import actor_of
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import PublicView, TenantAPIView, TenantViewSet

LEAK_ANSWER: Final = {"status": "received", "detail": "If this was one of our keys, it has been revoked."}


class APIKeyViewSet(TenantViewSet):
    """The tenant's API keys. The key itself is shown once, when it is created."""

    access: ClassVar = {
        "GET": [IsUserSession, IsTenantAdmin],
        "POST": [IsUserSession, IsTenantAdmin],
        "PATCH": [IsUserSession, IsTenantAdmin],
        "DELETE": [IsUserSession, IsTenantAdmin],
    }
    serializer_class = APIKeySerializer
    ordering = ("-id",)

    def get_queryset(self) -> APIKeyQuerySet:
        return APIKey.objects.for_tenant(self.principal.tenant_id).select_related("tenant")

    def get_object(self) -> APIKey:
        return self.get_queryset().with_id(self.kwargs["id"])

    @extend_schema(parameters=[APIKeyFilterSerializer])
    def list(self, request: Request) -> Response:
        """The tenant's keys, newest first; revoked ones only with `include_revoked=true`."""
        filters = checked(APIKeyFilterSerializer, request.query_params.dict())
        keys = self.get_queryset()
        if not filters["include_revoked"]:
            keys = keys.unrevoked()
        return self.page_of(APIKeySerializer(self.paginate_queryset(keys), many=True).data)

    @extend_schema(request=CreateAPIKeySerializer, responses={201: NewAPIKeySerializer})
    def create(self, request: Request) -> Response:
        """Creates a key. Only this response contains the key. 422 if the tenant's policy forbids its lifetime."""
        wanted = checked(CreateAPIKeySerializer, request.data)
        key, plaintext = create_key(tenant_id=self.principal.tenant_id, actor=actor_of(request), **wanted)
        return Response({**APIKeySerializer(key).data, "api_key": plaintext}, status=status.HTTP_201_CREATED)

    def retrieve(self, request: Request, id: str) -> Response:
        """One key, with the time, IP address and user agent of its last use."""
        return Response(APIKeySerializer(self.get_object()).data)

    @extend_schema(request=APIKeyChangesSerializer, responses=APIKeySerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Changes any of name, allowed networks and request limit. 409 `key_revoked` for a revoked key."""
        key = self.get_object()
        wanted = checked(APIKeyChangesSerializer, request.data, partial=True)
        return Response(APIKeySerializer(change_key(key=key, changes=wanted, actor=actor_of(request))).data)

    @extend_schema(responses=RevokedAPIKeySerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Revokes a key. Once the response is sent, no worker accepts it. 409 `already_revoked` the second time."""
        return Response(RevokedAPIKeySerializer(revoke_key(key=self.get_object(), actor=actor_of(request))).data)

    @extend_schema(request=RotateSerializer, responses={201: RotatedAPIKeySerializer})
    def rotate(self, request: Request, id: str) -> Response:
        """Creates a new key with the same settings. The old key works until the grace period ends or it expires.

        The new key gets the original lifetime of the old one, at most the maximum of the tenant's policy. If the old
        key's `last_used_at` no longer changes, it can be revoked early. 409 if the key has been revoked
        (`key_revoked`), has expired (`key_expired`) or has already been rotated (`already_rotated`).
        """
        key = self.get_object()
        wanted = checked(RotateSerializer, request.data)
        grace = timedelta(seconds=wanted["grace_seconds"])
        rotated = rotate_key(key=key, grace=grace, actor=actor_of(request))
        answer = {
            **APIKeySerializer(rotated.key).data,
            "api_key": rotated.api_key,
            "old": OldAPIKeySerializer(rotated.old).data,
        }
        return Response(answer, status=status.HTTP_201_CREATED)


class KeyHealthView(TenantAPIView):
    """Keys that need attention: they expire soon, are idle, were never used, never expire or violate the policy."""

    access: ClassVar = {"GET": [IsUserSession, IsTenantAdmin]}

    @extend_schema(responses=KeyHealthSerializer)
    def get(self, request: Request) -> Response:
        return Response(KeyHealthSerializer(key_health(self.principal.tenant_id, now=timezone.now())).data)


class ReportLeakView(PublicView):
    """Revokes a leaked key. Anyone who has the key may call this, and the response is always the same."""

    @extend_schema(request=LeakSerializer, responses=LeakReportedSerializer)
    def post(self, request: Request) -> Response:
        text = request.data.get("api_key") if isinstance(request.data, Mapping) else None
        report_leak(text=text.strip() if isinstance(text, str) else "", actor=actor_of(request))
        return Response(LEAK_ANSWER)
