from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from tenants.actor import actor_of
from tenants.admin.base import OperatorAdmin
from tenants.admin.filters import OfferedFilter
from tenants.fields import HIGHEST_RATE_LIMIT
from tenants.models import Tenant
from tenants.services import cap_requests, freeze_keys, reactivate_tenant, suspend_tenant, unfreeze_keys


class SuspensionFilter(OfferedFilter):
    title = parameter_name = "state"
    offered = [("open", "open"), ("suspended", "suspended")]

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(suspended_at__isnull=value == "open")


class CapForm(forms.Form):
    cap = forms.IntegerField(
        label="Requests per minute",
        min_value=1,
        max_value=HIGHEST_RATE_LIMIT,
        required=False,
        help_text="Leave empty to use the installation's default.",
    )


@admin.register(Tenant)
class TenantAdmin(OperatorAdmin):
    list_display = ["name", "sector", "created_at", "suspended_at"]
    list_filter = [SuspensionFilter]
    search_fields = ["name", "id__istartswith"]
    search_help_text = "Part of a name, or the beginning of an id."
    fields = ["id", "name", "sector", "created_at", "suspended_at", "keys_frozen_at"]
    fields += ["rate_limit_per_minute", "rate_limit_cap"]
    actions = ["suspend", "reactivate", "freeze", "unfreeze", "cap"]

    def actions_for(self, thing: Tenant) -> Sequence[str]:
        suspension = "reactivate" if thing.suspended_at else "suspend"
        return [suspension, "unfreeze" if thing.keys_frozen_at else "freeze", "cap"]

    @admin.action(description="Cap the requests of", permissions=["operate"])
    def cap(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        sent = "confirmed" in request.POST
        now = queryset.values_list("rate_limit_cap", flat=True).first()
        form = CapForm(request.POST if sent else None, initial={"cap": now})
        if not form.is_valid():
            warning = "Keys get 429 for requests above the cap. Admins can set a lower limit, but not a higher one."
            return self.ask(request, queryset, warning, form)
        cap, actor = form.cleaned_data["cap"], actor_of(request)
        return self.operate(
            request,
            queryset,
            lambda tenant: cap_requests(tenant_id=tenant.id, cap=cap, actor=actor),
            done="capped" if cap else "uncapped",
        )

    @admin.action(description="Freeze the keys of", permissions=["operate"])
    def freeze(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.filter(keys_frozen_at=None),
            lambda tenant: freeze_keys(tenant_id=tenant.id, actor=actor_of(request)),
            done="frozen",
            warning="All their keys stop working immediately, until they are unfrozen. People can still sign in.",
        )

    @admin.action(description="Unfreeze the keys of", permissions=["operate"])
    def unfreeze(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        frozen, actor = queryset.exclude(keys_frozen_at=None), actor_of(request)
        return self.operate(
            request, frozen, lambda tenant: unfreeze_keys(tenant_id=tenant.id, actor=actor), done="unfrozen"
        )

    @admin.action(description="Suspend", permissions=["operate"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.filter(suspended_at=None),
            lambda tenant: suspend_tenant(tenant=tenant, actor=actor_of(request)),
            done="suspended",
            warning="Their people and keys are refused immediately, until you reactivate them. No data is deleted.",
        )

    @admin.action(description="Reactivate", permissions=["operate"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        suspended, actor = queryset.exclude(suspended_at=None), actor_of(request)
        return self.operate(
            request,
            suspended,
            lambda tenant: reactivate_tenant(tenant=tenant, actor=actor),
            done="reactivated",
        )
