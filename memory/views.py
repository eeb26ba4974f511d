from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from memory import services
from memory.batches import read_plain_event
from memory.forgetting import forget_belief, forget_beliefs
from memory.models import Belief, BeliefQuerySet, Episode, EpisodeQuerySet, Event, EventQuerySet
from memory.queries import belief_history, belief_timeline, tenant_stats
from memory.rows import as_json, shown, shown_row
from memory.serializers import (
    BeliefChangesSerializer,
    BeliefFilterSerializer,
    BeliefSerializer,
    CreateBeliefSerializer,
    EpisodeFilterSerializer,
    EpisodeSerializer,
    EventFilterSerializer,
    EventSerializer,
    ForgetSerializer,
    HistoryFilterSerializer,
    SoftSerializer,
    StatsSerializer,
    SubjectAndKeySerializer,
    SubjectSerializer,
    TimelineFilterSerializer,
    TimelineSerializer,
)
from memory.transactions import tenant_transaction
from tenants.actor import actor_of
from tenants.bodies import LARGE_BODY
from tenants.permissions import IsTenantEditor, IsTenantViewer
from tenants.serializers import checked
from tenants.views import TenantAPIView, TenantViewSet


class MemoryViewSet(TenantViewSet):
    """Lists, reads and turns an id into a row, always inside the tenant's transaction."""

    largest_body = LARGE_BODY
    serializer_class: type[serializers.ModelSerializer[Any]]
    filter_serializer: ClassVar[type[serializers.Serializer[Any]]]

    def listed(self) -> Any:
        return self.get_queryset()

    def get_object(self) -> Any:
        rows: Any = self.get_queryset()
        return rows.with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        filters = checked(self.filter_serializer(data=request.query_params.dict()))
        with tenant_transaction(self.principal.tenant_id):
            page = self.paginate_queryset(shown(self.listed().filter(**filters), self.serializer_class))
        return self.get_paginated_response(as_json(page or []))

    def retrieve(self, request: Request, id: str) -> Response:
        with tenant_transaction(self.principal.tenant_id):
            row = self.get_object()
        return Response(shown_row(row, self.serializer_class))


class EventViewSet(MemoryViewSet):
    """What happened. Append-only."""

    access: ClassVar = {"GET": [IsTenantViewer], "POST": [IsTenantEditor]}
    serializer_class = EventSerializer
    filter_serializer = EventFilterSerializer
    ordering = ("-occurred_at", "-id")

    def get_queryset(self) -> EventQuerySet:
        return Event.objects.for_tenant(self.principal.tenant_id)

    def create(self, request: Request) -> Response:
        fields = read_plain_event(request.data, timezone.now()) or checked(EventSerializer(data=request.data))
        event = services.record_event(principal=self.principal, **fields)
        return Response({name: event[name] for name in EventSerializer.Meta.fields}, status=status.HTTP_201_CREATED)


class BeliefViewSet(MemoryViewSet):
    """What was learned. Another value makes a version; the list shows the active ones."""

    access: ClassVar = {
        "GET": [IsTenantViewer],
        "POST": [IsTenantEditor],
        "PATCH": [IsTenantEditor],
        "DELETE": [IsTenantEditor],
    }
    serializer_class = BeliefSerializer
    filter_serializer = BeliefFilterSerializer
    ordering = ("-id",)

    def get_queryset(self) -> BeliefQuerySet:
        return Belief.objects.for_tenant(self.principal.tenant_id)

    def listed(self) -> BeliefQuerySet:
        return self.get_queryset().active()

    @extend_schema(request=CreateBeliefSerializer, responses={200: BeliefSerializer, 201: BeliefSerializer})
    def create(self, request: Request) -> Response:
        fields = checked(CreateBeliefSerializer(data=request.data))
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            belief, new = services.record_belief(principal=self.principal, **fields)
        return Response(
            shown_row(belief, BeliefSerializer), status=status.HTTP_201_CREATED if new else status.HTTP_200_OK
        )

    @extend_schema(request=BeliefChangesSerializer, responses=BeliefSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        changes = checked(BeliefChangesSerializer(data=request.data, partial=True))
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            belief = services.revise_belief(principal=self.principal, belief=self.get_object(), changes=changes)
        return Response(shown_row(belief, BeliefSerializer))

    @extend_schema(parameters=[SoftSerializer])
    def destroy(self, request: Request, id: str) -> Response:
        """Removes every version of this belief's subject and key; `?soft=true` only deactivates."""
        soft = checked(SoftSerializer(data=request.query_params.dict()))["soft"]
        count = forget_belief(tenant_id=self.principal.tenant_id, id=id, soft=soft, actor=actor_of(request))
        return Response({"status": "deactivated" if soft else "deleted", "id": id, "deleted": count})

    @extend_schema(parameters=[ForgetSerializer], operation_id="beliefs_forget")
    def destroy_many(self, request: Request) -> Response:
        """Removes what is believed of a subject, or of one domain of it; `?soft=true` only deactivates."""
        wanted = checked(ForgetSerializer(data=request.query_params.dict()))
        soft = wanted.pop("soft")
        tenant_id, actor = self.principal.tenant_id, actor_of(request)
        count = forget_beliefs(tenant_id=tenant_id, wanted=wanted, soft=soft, actor=actor)
        answer = {"status": "deactivated" if soft else "deleted", "deleted": count}
        return Response({**answer, "domain": wanted.get("domain")})


class BeliefHistoryView(TenantAPIView):
    """The versions of one belief, oldest first, as a bare list.

    Of more than 1,000, or 8 MiB of values, the newest; `as_of`, the time of the first of them, goes further back.
    """

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(parameters=[HistoryFilterSerializer], responses=BeliefSerializer(many=True))
    def get(self, request: Request, user_id: str, key: str) -> Response:
        filters = checked(HistoryFilterSerializer(data=request.query_params.dict()))
        name = checked(SubjectAndKeySerializer(data={"subject_id": user_id, "key": key}))
        tenant_id = self.principal.tenant_id
        with tenant_transaction(tenant_id):
            versions = belief_history(tenant_id=tenant_id, **name, **filters)
        return Response([shown_row(version, BeliefSerializer) for version in versions])


class BeliefTimelineView(TenantAPIView):
    """What was learned of a subject, newest first."""

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(parameters=[TimelineFilterSerializer], responses=TimelineSerializer)
    def get(self, request: Request, user_id: str) -> Response:
        filters = checked(TimelineFilterSerializer(data=request.query_params.dict()))
        subject = checked(SubjectSerializer(data={"subject_id": user_id}))
        tenant_id = self.principal.tenant_id
        with tenant_transaction(tenant_id):
            versions = list(belief_timeline(tenant_id=tenant_id, **subject, **filters))
        timeline = [shown_row(version, BeliefSerializer) for version in versions]
        return Response({**subject, "count": len(timeline), "timeline": timeline})


class EpisodeViewSet(MemoryViewSet):
    """What belonged together."""

    access: ClassVar = {"GET": [IsTenantViewer], "POST": [IsTenantEditor], "PATCH": [IsTenantEditor]}
    serializer_class = EpisodeSerializer
    filter_serializer = EpisodeFilterSerializer
    ordering = ("-started_at", "-id")

    def get_queryset(self) -> EpisodeQuerySet:
        episodes = Episode.objects.for_tenant(self.principal.tenant_id)
        # A change is checked against the rest of the row, which must not change meanwhile.
        return episodes.select_for_update() if self.request.method == "PATCH" else episodes

    def create(self, request: Request) -> Response:
        fields = checked(EpisodeSerializer(data=request.data))
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            episode = services.record_episode(principal=self.principal, **fields)
        return Response(shown_row(episode, EpisodeSerializer), status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, id: str) -> Response:
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            episode = self.get_object()
            changes = checked(EpisodeSerializer(episode, data=request.data, partial=True))
            episode = services.revise_episode(episode=episode, changes=changes)
        return Response(shown_row(episode, EpisodeSerializer))


class StatsView(TenantAPIView):
    """The tenant's totals."""

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(responses=StatsSerializer)
    def get(self, request: Request) -> Response:
        tenant_id = self.principal.tenant_id
        with tenant_transaction(tenant_id):
            stats = tenant_stats(tenant_id)
        return Response(StatsSerializer(stats).data)
