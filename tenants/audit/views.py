from typing import Any, ClassVar

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from tenants.actor import actor_of
from tenants.audit.actions import Action
from tenants.audit.reading import AuditFilterSerializer, chain_end, chosen_entries, csv_response, shown
from tenants.models import AuditEntry, AuditEntryQuerySet
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.renderers import CSVRenderer
from tenants.views import TenantViewSet


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    action = serializers.ChoiceField(choices=Action.choices, read_only=True)

    class Meta:
        model = AuditEntry
        fields = ("id", *AuditEntry.COLUMNS)
        read_only_fields = fields


class AuditHeadSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="The number of the chain's last row.")
    mac = serializers.CharField(help_text="The last row's MAC, in hex. Keep it elsewhere, for `verify_audit --head`.")


class AuditPageSerializer(serializers.Serializer[Any]):
    items = AuditEntrySerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    head = AuditHeadSerializer()


class AuditViewSet(TenantViewSet):
    """What was done in the tenant, by whom and from where."""

    access: ClassVar = {"GET": [IsUserSession, IsTenantAdmin]}
    renderer_classes = (*TenantViewSet.renderer_classes, CSVRenderer)
    serializer_class = AuditEntrySerializer
    ordering = ("-id",)

    def get_queryset(self) -> AuditEntryQuerySet:
        return AuditEntry.objects.for_tenant(self.principal.tenant_id)

    @extend_schema(
        parameters=[AuditFilterSerializer],
        responses={(200, "application/json"): AuditPageSerializer, (200, "text/csv"): OpenApiTypes.STR},
        filters=True,
    )
    def list(self, request: Request) -> HttpResponseBase:
        """The audit log as pages of JSON, newest first. With `Accept: text/csv`, all of it as a file, oldest first.

        `head` (in the CSV, the last line and the header `X-Memgraph-Audit-Head`) is the end of the chain. Keep it
        elsewhere: `verify_audit --head` then detects whether an older state of the log was restored.
        """
        filters = request.query_params.dict()
        if isinstance(request.accepted_renderer, CSVRenderer):
            return csv_response(self.principal, filters, actor_of(request))
        entries = chosen_entries(self.principal.tenant_id, filters)
        page = AuditEntrySerializer(self.paginate_queryset(entries), many=True).data
        head = AuditHeadSerializer(shown(chain_end(self.principal.tenant_id))).data
        return self.page_of(page, head=head)
