from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request

from memory.events.models import Event, EventQuerySet
from memory.events.serializers import EventFilterSerializer, EventSerializer
from memory.events.services import LARGEST_BATCH, read_simple_event, record_event, record_event_batch
from memory.reading import Reader
from memory.views import BatchView, MemoryViewSet
from tenants.permissions import IsTenantEditor, IsTenantViewer
from tenants.responses import Response
from tenants.serializers import checked


class EventViewSet(MemoryViewSet):
    """Things that happened. Append-only."""

    access: ClassVar = {"GET": [IsTenantViewer], "POST": [IsTenantEditor]}
    serializer_class = EventSerializer
    filter_serializer = EventFilterSerializer
    ordering = ("-occurred_at", "-id")
    reader = row_reader = Reader("events", Event.objects.for_tenant, ordering)

    def get_queryset(self) -> EventQuerySet:
        return Event.objects.for_tenant(self.principal.tenant_id)

    def create(self, request: Request) -> Response:
        fields = read_simple_event(request.data, timezone.now()) or checked(EventSerializer, request.data)
        event = record_event(principal=self.principal, **fields)
        return Response({name: event[name] for name in Event.COLUMNS}, status=status.HTTP_201_CREATED)


class EventsSerializer(serializers.Serializer[Any]):
    events = EventSerializer(many=True, help_text=f"1 to {LARGEST_BATCH:,}.")


class RecordedEventsSerializer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    ids = serializers.ListField(child=serializers.UUIDField(), help_text="In the order of the events.")


class EventBatchView(BatchView):
    """Records up to 1,000 events, all or none."""

    @extend_schema(request=EventsSerializer, responses={201: RecordedEventsSerializer})
    def post(self, request: Request) -> Response:
        ids = record_event_batch(**self.sent("events", most=LARGEST_BATCH))
        return Response({"created": len(ids), "ids": ids}, status=status.HTTP_201_CREATED)
