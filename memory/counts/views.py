from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from memory.counts.queries import tenant_stats
from tenants.permissions import IsTenantViewer
from tenants.responses import Response
from tenants.views import TenantAPIView


class EventsOnDaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()
    events = serializers.IntegerField()


class StatsSerializer(serializers.Serializer[Any]):
    total_events = serializers.IntegerField()
    total_beliefs = serializers.IntegerField(help_text="Active ones.")
    total_episodes = serializers.IntegerField()
    total_users = serializers.IntegerField(help_text="End users with at least one row.")
    last_event_at = serializers.DateTimeField(allow_null=True)
    events_per_day = EventsOnDaySerializer(many=True, help_text="30 days by occurred_at, UTC.")


class StatsView(TenantAPIView):
    """The tenant's totals."""

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(responses=StatsSerializer)
    def get(self, request: Request) -> Response:
        return Response(tenant_stats(self.principal.tenant_id))
