from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request

from memory.beliefs.forgetting import forget_belief, forget_beliefs
from memory.beliefs.models import Belief, BeliefQuerySet
from memory.beliefs.queries import belief_history, belief_timeline
from memory.beliefs.serializers import (
    BeliefChangesSerializer,
    BeliefFilterSerializer,
    BeliefSerializer,
    CreateBeliefSerializer,
    ForgetSerializer,
    HistoryFilterSerializer,
    SoftSerializer,
    SubjectAndKeySerializer,
    SubjectSerializer,
    TimelineFilterSerializer,
    TimelineSerializer,
)
from memory.beliefs.services import LARGEST_BATCH, record_belief, record_belief_batch, revise_belief
from memory.reading import Reader, row_as_json
from memory.transactions import tenant_transaction
from memory.views import BatchView, MemoryViewSet
from tenants.actor import actor_of
from tenants.permissions import IsTenantEditor, IsTenantViewer
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import TenantAPIView


class BeliefViewSet(MemoryViewSet):
    """What was learned about subjects. A new value creates a new version; the list holds the active versions."""

    access: ClassVar = {
        "GET": [IsTenantViewer],
        "POST": [IsTenantEditor],
        "PATCH": [IsTenantEditor],
        "DELETE": [IsTenantEditor],
    }
    serializer_class = BeliefSerializer
    filter_serializer = BeliefFilterSerializer
    ordering = ("-id",)
    reader = Reader("beliefs", lambda tenant_id: Belief.objects.for_tenant(tenant_id).active(), ordering)
    row_reader = Reader("belief", Belief.objects.for_tenant, ordering)

    def get_queryset(self) -> BeliefQuerySet:
        return Belief.objects.for_tenant(self.principal.tenant_id)

    @extend_schema(request=CreateBeliefSerializer, responses={200: BeliefSerializer, 201: BeliefSerializer})
    def create(self, request: Request) -> Response:
        fields = checked(CreateBeliefSerializer, request.data)
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            belief, new = record_belief(principal=self.principal, **fields)
        return Response(row_as_json(belief), status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)

    @extend_schema(request=BeliefChangesSerializer, responses=BeliefSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        changes = checked(BeliefChangesSerializer, request.data, partial=True)
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            belief = revise_belief(principal=self.principal, belief=self.get_object(), changes=changes)
        return Response(row_as_json(belief))

    @extend_schema(parameters=[SoftSerializer])
    def destroy(self, request: Request, id: str) -> Response:
        """Removes every version of this belief's subject and key; `?soft=true` only deactivates."""
        soft = checked(SoftSerializer, request.query_params.dict())["soft"]
        count = forget_belief(tenant_id=self.principal.tenant_id, id=id, soft=soft, actor=actor_of(request))
        return Response({"status": "deactivated" if soft else "deleted", "id": id, "deleted": count})

    @extend_schema(parameters=[ForgetSerializer], operation_id="beliefs_forget")
    def destroy_many(self, request: Request) -> Response:
        """Removes all beliefs about a subject, or those of one domain; `?soft=true` only deactivates."""
        wanted = checked(ForgetSerializer, request.query_params.dict())
        soft = wanted.pop("soft")
        tenant_id, actor = self.principal.tenant_id, actor_of(request)
        count = forget_beliefs(tenant_id=tenant_id, wanted=wanted, soft=soft, actor=actor)
        answer = {"status": "deactivated" if soft else "deleted", "deleted": count}
        return Response({**answer, "domain": wanted.get("domain")})


class BeliefHistoryView(TenantAPIView):
    """The versions of one belief, oldest first, as a bare list.

    At most the newest 1,000, and at most 8 MiB of values. For older ones, send the time of the first one as `as_of`.
    """

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(parameters=[HistoryFilterSerializer], responses=BeliefSerializer(many=True))
    def get(self, request: Request, user_id: str, key: str) -> Response:
        filters = checked(HistoryFilterSerializer, request.query_params.dict())
        name = checked(SubjectAndKeySerializer, {"subject_id": user_id, "key": key})
        tenant_id = self.principal.tenant_id
        with tenant_transaction(tenant_id):
            versions = belief_history(tenant_id=tenant_id, **name, **filters)
        return Response([row_as_json(version) for version in versions])


class BeliefTimelineView(TenantAPIView):
    """What was learned about a subject, newest first."""

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(parameters=[TimelineFilterSerializer], responses=TimelineSerializer)
    def get(self, request: Request, user_id: str) -> Response:
        filters = checked(TimelineFilterSerializer, request.query_params.dict())
        subject = checked(SubjectSerializer, {"subject_id": user_id})
        tenant_id = self.principal.tenant_id
        with tenant_transaction(tenant_id):
            versions = list(belief_timeline(tenant_id=tenant_id, **subject, **filters))
        timeline = [row_as_json(version) for version in versions]
        return Response({**subject, "count": len(timeline), "timeline": timeline})


class BeliefsSerializer(serializers.Serializer[Any]):
    beliefs = CreateBeliefSerializer(many=True, help_text=f"1 to {LARGEST_BATCH}.")


class RecordedBeliefsSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField(help_text="New beliefs and new versions. The others existed already.")
    items = BeliefSerializer(many=True, help_text="In the order that was sent.")


class BeliefBatchView(BatchView):
    """Records up to 100 beliefs by the rules of one, all or none."""

    @extend_schema(request=BeliefsSerializer, responses={201: RecordedBeliefsSerializer})
    def post(self, request: Request) -> Response:
        written = record_belief_batch(**self.sent("beliefs", most=LARGEST_BATCH))
        beliefs = [row_as_json(belief) for belief, _ in written]
        answer = {"created": sum(new for _, new in written), "items": beliefs}
        return Response(answer, status=status.HTTP_201_CREATED)
