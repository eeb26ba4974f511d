"""The workspace's settings: its name, what it asks of its keys, and its end."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.confirmation import confirm_password
from memory.deletion import delete_tenant
from memory.deletion_views import DeleteTenantSerializer
from studio import cookies
from studio.access import PageRequest, page
from studio.forms import Form, NothingSerializer
from tenants.actor import actor_of
from tenants.models import Tenant
from tenants.permissions import IsTenantAdmin
from tenants.serializers import LONGEST_DAYS, LONGEST_RETENTION, TenantChangesSerializer, TenantSerializer
from tenants.services import change_tenant, freeze_keys, unfreeze_keys
from tenants.slots import TRANSFERS

FORM: Final = ("GET", "HEAD", "POST")


@page(IsTenantAdmin, methods=FORM)
def workspace(request: PageRequest) -> HttpResponse:
    tenant = own_tenant(request)
    form = Form(request, TenantChangesSerializer, initial=as_typed(tenant))
    if form.submitted:
        with form.checking():
            change_tenant(tenant_id=tenant.id, changes=form.fields(), actor=actor_of(request))
            messages.success(request, "The settings are saved.")
            return redirect("studio:settings")
    longest = {"longest": LONGEST_DAYS, "longest_retention": LONGEST_RETENTION}
    return form.show("studio/settings/workspace.html", tenant=tenant, **longest)


def as_typed(tenant: Tenant) -> dict[str, Any]:
    """A limit that there is not is an empty field."""
    return {name: "" if value is None else value for name, value in TenantSerializer(tenant).data.items()}


def own_tenant(request: PageRequest) -> Tenant:
    return Tenant.objects.get(id=request.principal.tenant_id)


@page(IsTenantAdmin, methods=FORM)
def freeze(request: PageRequest) -> HttpResponse:
    """One switch, that says to which side it goes: two people who press it at once press it the same way."""
    form = Form(request, NothingSerializer)
    if form.submitted:
        with form.checking():
            form.fields()
            thaw = request.POST.get("to") == "unfrozen"
            act = unfreeze_keys if thaw else freeze_keys
            act(tenant_id=request.principal.tenant_id, actor=actor_of(request))
            messages.success(request, "Keys work again." if thaw else "All keys are frozen: every call is refused.")
            return redirect("studio:settings")
    return form.show("studio/settings/freeze.html", tenant=own_tenant(request))


@page(IsTenantAdmin, methods=FORM)
def delete(request: PageRequest) -> HttpResponse:
    """Afterwards nobody is signed in any more, the reader neither: the answer itself says goodbye."""
    principal = request.principal
    form = Form(request, DeleteTenantSerializer, context={"name": principal.tenant_name})
    if form.submitted:
        with form.checking():
            password, actor = form.fields()["password"], actor_of(request)
            confirm_password(principal=principal, password=password, actor=actor)
            with TRANSFERS.take():
                deleted = delete_tenant(tenant_id=principal.tenant_id, actor=actor)
            response = render(request, "studio/goodbye.html", {"name": principal.tenant_name, "deleted": deleted})
            cookies.drop_token(response)
            return response
    return form.show("studio/settings/delete.html")
