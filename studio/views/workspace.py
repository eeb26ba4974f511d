"""The workspace's settings: its name, policy and limits, freezing its keys, and deleting it."""

from typing import Any, Final, TypeGuard

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from rest_framework import serializers

from accounts.confirmation import confirm_password
from memory.removal.retention import events_before
from memory.removal.tenant import delete_tenant
from memory.removal.views import DeleteTenantSerializer
from studio import cookies
from studio.access import PageRequest, page
from studio.forms import Form, NothingSerializer
from studio.lost_updates import changes_of, shown
from tenants.actor import actor_of
from tenants.limits.quotas import cap_of
from tenants.models import Tenant
from tenants.permissions import IsTenantAdmin
from tenants.serializers import LONGEST_DAYS, LONGEST_RETENTION, TenantChangesSerializer
from tenants.services import change_tenant, freeze_keys, unfreeze_keys

LABELS: Final = {
    "name": "The name",
    "sector": "The sector",
    "require_key_expiry": "“Every key must expire”",
    "max_key_lifetime_days": "The maximum lifetime",
    "rate_limit_per_minute": "The rate limit",
    "event_retention_days": "The number of days to keep events",
}


class SettingsSerializer(TenantChangesSerializer):
    """A shorter retention removes events. A checkbox confirms that, for this number of days only."""

    confirmed_days = serializers.IntegerField(required=False)


@page(IsTenantAdmin, form=True)
def workspace(request: PageRequest) -> HttpResponse:
    tenant = own_tenant(request)
    form = Form(request, SettingsSerializer, initial=shown(settings_of(tenant)))
    doomed = 0
    if form.submitted:
        with form.checking():
            fields = form.fields()
            confirmed_days = fields.pop("confirmed_days", None)
            days = changes_of(form, fields, settings_of(tenant), LABELS).get("event_retention_days")
            if days != confirmed_days and shortens(days, tenant.event_retention_days):
                doomed = events_before(tenant.id, days)
            if doomed:
                raise serializers.ValidationError({"confirmed_days": ["Tick this box to continue."]})
            save_settings(request, form, fields)
            messages.success(request, "Settings saved.")
            return redirect("studio:settings")
    most = {"most_days": LONGEST_DAYS, "most_retention": LONGEST_RETENTION}
    return form.show(
        "studio/settings/workspace.html", tenant=tenant, doomed=doomed, limit_hint=limit_hint(tenant), **most
    )


def limit_hint(tenant: Tenant) -> str:
    cap = cap_of(tenant)
    most = "Leave empty for no limit."
    if cap is not None:
        most = f"The operator allows at most {cap:,}, even if this is empty."
    return f"For all keys together. Above this limit, programs get an error and must retry later. {most}"


def settings_of(tenant: Tenant) -> dict[str, Any]:
    return {name: getattr(tenant, name) for name in LABELS}


def shortens(days: int | None, before: int | None) -> TypeGuard[int]:
    return days is not None and (before is None or days < before)


def save_settings(request: PageRequest, form: Form, fields: dict[str, Any]) -> None:
    change_tenant(
        tenant_id=request.principal.tenant_id,
        changes=lambda now: changes_of(form, fields, settings_of(now), LABELS),
        actor=actor_of(request),
    )


def own_tenant(request: PageRequest) -> Tenant:
    return Tenant.objects.get(id=request.principal.tenant_id)


@page(IsTenantAdmin, form=True)
def freeze(request: PageRequest) -> HttpResponse:
    """The form says whether it freezes or unfreezes, so that two admins who send it don't undo each other."""
    form = Form(request, NothingSerializer)
    if form.submitted:
        with form.checking():
            form.fields()
            thaw = request.POST.get("to") == "unfrozen"
            act = unfreeze_keys if thaw else freeze_keys
            act(tenant_id=request.principal.tenant_id, actor=actor_of(request))
            if thaw:  # the page itself shows that keys are frozen
                messages.success(request, "All keys work again.")
            return redirect("studio:settings")
    return form.show("studio/settings/freeze.html", tenant=own_tenant(request))


@page(IsTenantAdmin, form=True)
def delete(request: PageRequest) -> HttpResponse:
    """Ends all sessions, also the user's own, so the response itself confirms the deletion."""
    principal = request.principal
    form = Form(request, DeleteTenantSerializer, context={"name": principal.tenant_name})
    if form.submitted:
        with form.checking():
            password, actor = form.fields()["password"], actor_of(request)
            confirm_password(principal=principal, password=password, actor=actor)
            deleted = delete_tenant(tenant_id=principal.tenant_id, actor=actor)
            response = render(request, "studio/goodbye.html", {"name": principal.tenant_name, "deleted": deleted})
            cookies.drop_token(response)
            return response
    return form.show("studio/settings/delete.html")
