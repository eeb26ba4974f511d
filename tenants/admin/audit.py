from typing import Any, Final

from django.contrib import admin
from django.db.models import QuerySet

from tenants.actor import ActorKind
from tenants.admin.base import OperatorAdmin
from tenants.admin.filters import OfferedFilter, TenantFilter
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant

ACTION_LABELS: Final = dict(Action.choices)


class ActionFilter(OfferedFilter):
    title = parameter_name = "action"
    offered = Action.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(action=value)


class ActorFilter(OfferedFilter):
    title = "actor"
    parameter_name = "actor_kind"
    offered = ActorKind.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(actor_kind=value)


class AuditTenantFilter(TenantFilter):
    """Audit rows store the tenant's id without a foreign key, because they outlive the tenant."""

    def narrow_by_name(self, queryset: QuerySet[Any], name: str) -> QuerySet[Any]:
        return queryset.filter(tenant_id__in=Tenant.objects.filter(name__icontains=name).values("id"))


@admin.register(AuditEntry)
class AuditEntryAdmin(OperatorAdmin):
    """Read-only. `manage.py verify_audit` detects whether rows were tampered with."""

    list_display = ["at", "action_label", "actor_kind", "actor_label", "target_label", "tenant_id", "address"]
    list_filter = [ActionFilter, ActorFilter, AuditTenantFilter]
    search_fields = ["actor_label__icontains", "target_label__icontains", "request_id__exact"]
    search_help_text = "Part of an actor's or target's label, or a whole request id."
    fields = [
        *("id", "tenant_id", "number", "at", "action_label", "actor_kind", "actor_id", "actor_label"),
        *("target_id", "target_label", "before", "after", "address", "agent", "request_id"),
    ]

    @admin.display(description="action", ordering="action")
    def action_label(self, entry: AuditEntry) -> str:
        return ACTION_LABELS.get(entry.action, entry.action)
