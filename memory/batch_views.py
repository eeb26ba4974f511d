from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from memory import batches
from memory.rows import shown_row
from memory.serializers import BeliefSerializer, CreateBeliefSerializer, EventSerializer
from tenants.bodies import LARGE_BATCH, MANY_VALUES
from tenants.permissions import IsTenantEditor
from tenants.views import TenantAPIView


class BatchView(TenantAPIView):
    access: ClassVar = {"POST": [IsTenantEditor]}
    largest_body = LARGE_BATCH
    most_values = MANY_VALUES
    reads_body_first = False

    def sent(self, name: str, *, most: int) -> dict[str, Any]:
        size = int(self.request.META.get("CONTENT_LENGTH") or LARGE_BATCH)  # a chunked body may have any size
        return {"principal": self.principal, "size": size, "read": partial(self.items, name, most=most)}

    def items(self, name: str, *, most: int) -> list[Any]:
        items = batches.items_of(self.read_body(), name, most=most)
        for item in items:
            if isinstance(item, Mapping) and "tenant_id" in item:
                self.refuse_other_tenant(item)
        return items


class EventsSerializer(serializers.Serializer[Any]):
    events = EventSerializer(many=True, help_text=f"1 to {batches.LARGEST_EVENTS:,}.")


class RecordedEventsSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.UUIDField(), help_text="In the order of the events.")


class EventBatchView(BatchView):
    """Records up to 1,000 events, all or none."""

    @extend_schema(request=EventsSerializer, responses={201: RecordedEventsSerializer})
    def post(self, request: Request) -> Response:
        ids = batches.record_event_batch(**self.sent("events", most=batches.LARGEST_EVENTS))
        return Response({"created": len(ids), "ids": ids}, status=status.HTTP_201_CREATED)


class BeliefsSerializer(serializers.Serializer[Any]):
    beliefs = CreateBeliefSerializer(many=True, help_text=f"1 to {batches.LARGEST_BELIEFS}.")


class RecordedBeliefsSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField(help_text="New ones and new versions; the rest was there already.")
    items = BeliefSerializer(many=True, help_text="In the order that was sent.")


class BeliefBatchView(BatchView):
    """Records up to 100 beliefs by the rules of one, all or none."""

    @extend_schema(request=BeliefsSerializer, responses={201: RecordedBeliefsSerializer})
    def post(self, request: Request) -> Response:
        written = batches.record_belief_batch(**self.sent("beliefs", most=batches.LARGEST_BELIEFS))
        beliefs = [shown_row(belief, BeliefSerializer) for belief, _ in written]
        answer = {"created": sum(new for _, new in written), "items": beliefs}
        return Response(answer, status=status.HTTP_201_CREATED)
