from typing import ClassVar

from rest_framework import status
from rest_framework.request import Request

from memory.episodes.models import Episode, EpisodeQuerySet
from memory.episodes.serializers import EpisodeFilterSerializer, EpisodeSerializer
from memory.episodes.services import record_episode, revise_episode
from memory.reading import Reader, row_as_json
from memory.transactions import tenant_transaction
from memory.views import MemoryViewSet
from tenants.permissions import IsTenantEditor, IsTenantViewer
from tenants.responses import Response
from tenants.serializers import checked


class EpisodeViewSet(MemoryViewSet):
    """Events that belong together, with a summary."""

    access: ClassVar = {"GET": [IsTenantViewer], "POST": [IsTenantEditor], "PATCH": [IsTenantEditor]}
    serializer_class = EpisodeSerializer
    filter_serializer = EpisodeFilterSerializer
    ordering = ("-started_at", "-id")
    reader = row_reader = Reader("episodes", Episode.objects.for_tenant, ordering)

    def get_queryset(self) -> EpisodeQuerySet:
        """A PATCH locks the row, because the change is validated together with the row's other fields."""
        episodes = Episode.objects.for_tenant(self.principal.tenant_id)
        return episodes.select_for_update() if self.request.method == "PATCH" else episodes

    def create(self, request: Request) -> Response:
        fields = checked(EpisodeSerializer, request.data)
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            episode = record_episode(principal=self.principal, **fields)
        return Response(row_as_json(episode), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, id: str) -> Response:
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            episode = self.get_object()
            changes = checked(EpisodeSerializer, request.data, instance=episode, partial=True)
            episode = revise_episode(episode=episode, changes=changes)
        return Response(row_as_json(episode))
