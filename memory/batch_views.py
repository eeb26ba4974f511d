from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from memory import batches
from memory.models import Belief
from memory.rows import shown_row
from memory.serializers import BeliefSerializer, CreateBeliefSerializer, EventSerializer
from memory.transactions import again_after_deadlock, tenant_transaction
from memory.turns import turn
from tenants.bodies import LARGE_BATCH, MANY_VALUES
from tenants.permissions import IsTenantEditor
from tenants.views import TenantAPIView


class BatchView(TenantAPIView):
    access: ClassVar = {"POST": [IsTenantEditor]}
    largest_body = LARGE_BATCH
    most_values = MANY_VALUES

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with ExitStack() as self.held:
            return super().dispatch(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        """The turn begins before the body is parsed, which is most of the work, and when it is known whose it is."""
        super().check_permissions(request)
        size = int(request.META.get("CONTENT_LENGTH") or LARGE_BATCH)  # without a length it may be anything
        self.held.enter_context(turn(self.principal.tenant_id, size=size))

    def items(self, name: str, *, most: int) -> list[Any]:
        items = batches.items_of(self.request.data, name, most=most)
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
        rows = batches.read_events(self.items("events", most=batches.LARGEST_EVENTS))
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            ids = batches.record_events(principal=self.principal, rows=rows)
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
        rows = batches.read_beliefs(self.items("beliefs", most=batches.LARGEST_BELIEFS))
        written = again_after_deadlock(partial(self.write, rows))
        beliefs = [shown_row(belief, BeliefSerializer) for belief, _ in written]
        answer = {"created": sum(new for _, new in written), "items": beliefs}
        return Response(answer, status=status.HTTP_201_CREATED)

    def write(self, rows: list[dict[str, Any]]) -> list[tuple[Belief, bool]]:
        with tenant_transaction(self.principal.tenant_id, by=self.principal):
            return batches.record_beliefs(principal=self.principal, rows=rows)
