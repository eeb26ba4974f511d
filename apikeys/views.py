from typing import ClassVar

from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apikeys.models import APIKey, APIKeyQuerySet
from apikeys.serializers import (
    APIKeyFilterSerializer,
    APIKeySerializer,
    CreateAPIKeySerializer,
    RevokedAPIKeySerializer,
)
from apikeys.services import create_key, revoke_key
from tenants.actor import actor_of
from tenants.ids import parse_id
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.views import TenantViewSet


class APIKeyViewSet(TenantViewSet):
    """The tenant's API keys. The key itself is shown once, when it is made."""

    access: ClassVar = {
        "GET": [IsUserSession, IsTenantAdmin],
        "POST": [IsUserSession, IsTenantAdmin],
        "DELETE": [IsUserSession, IsTenantAdmin],
    }
    serializer_class = APIKeySerializer
    ordering = ("-id",)

    def get_queryset(self) -> APIKeyQuerySet:
        return APIKey.objects.for_tenant(self.principal.tenant_id)

    def get_object(self) -> APIKey:
        key_id = parse_id(self.kwargs["id"])
        key = key_id and self.get_queryset().filter(id=key_id).first()
        if not key:
            raise NotFound()
        return key

    def list(self, request: Request) -> Response:
        filters = APIKeyFilterSerializer(data=request.query_params.dict())
        filters.is_valid(raise_exception=True)
        keys = self.get_queryset()
        if not filters.validated_data["include_revoked"]:
            keys = keys.unrevoked()
        return self.get_paginated_response(APIKeySerializer(self.paginate_queryset(keys), many=True).data)

    def create(self, request: Request) -> Response:
        wanted = CreateAPIKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        key, plaintext = create_key(
            tenant_id=self.principal.tenant_id, actor=actor_of(request), **wanted.validated_data
        )
        return Response({**APIKeySerializer(key).data, "api_key": plaintext}, status=status.HTTP_201_CREATED)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(APIKeySerializer(self.get_object()).data)

    def destroy(self, request: Request, id: str) -> Response:
        return Response(RevokedAPIKeySerializer(revoke_key(key=self.get_object(), actor=actor_of(request))).data)
