"""The audit log: a list with filters, and an export as CSV."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from rest_framework.exceptions import ValidationError

from studio.access import PageRequest, page
from studio.audit_sentences import ACTIONS
from studio.forms import faults_of
from tenants.actor import actor_of
from tenants.audit.reading import AuditFilterSerializer, chain_end, chosen_entries, csv_response
from tenants.keyset import Page, keyset_page
from tenants.permissions import IsTenantAdmin

MOST: Final = 50


@page(IsTenantAdmin)
def audit(request: PageRequest) -> HttpResponse:
    filters = sent_filters(request)
    errors: dict[str, str] = {}
    entries = Page([], None)
    try:
        entries = newest_entries(request, filters)
    except ValidationError as refusal:
        errors = faults_of(refusal)
    context: dict[str, Any] = {
        "log": entries,
        "actions": ACTIONS,
        "form": {"values": filters, "errors": errors},
        "query": urlencode(filters),
        "head": chain_end(request.principal.tenant_id),
        "is_newest": not request.GET.get("cursor"),
    }
    return render(request, "studio/audit/list.html", context, status=422 if errors else 200)


def sent_filters(request: PageRequest) -> dict[str, str]:
    """The filters in the query string. Empty fields are ignored."""
    known = AuditFilterSerializer().fields
    return {name: value for name, value in request.GET.dict().items() if value and name in known}


def newest_entries(request: PageRequest, filters: dict[str, str]) -> Page:
    tenant_id = request.principal.tenant_id
    return keyset_page(
        chosen_entries(tenant_id, filters),
        ordering=("-id",),
        limit=MOST,
        cursor=request.GET.get("cursor"),
        tenant_id=tenant_id,
        name="studio audit",
    )


@page(IsTenantAdmin, methods=("GET",))
def export(request: PageRequest) -> StreamingHttpResponse:
    return csv_response(request.principal, sent_filters(request), actor_of(request))
