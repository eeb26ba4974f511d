"""The people that agents remember things about. A name may hold any character, so it is in the query string."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from rest_framework.exceptions import NotFound

from memory.beliefs.serializers import SubjectSerializer
from memory.models import EndUser, Episode, Event
from memory.records import NAME_LENGTH
from memory.removal.end_user import erase_user
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.confirmation import ConfirmSerializer
from studio.end_user import BELIEFS, beliefs_of, tally_of
from studio.forms import Form
from studio.plurals import counted_all
from studio.templatetags.studio import user_page
from tenants.actor import actor_of
from tenants.permissions import IsTenantAdmin

NEWEST: Final = 10
MOST: Final = 50


def requested_name(request: PageRequest) -> str:
    wanted = SubjectSerializer(data={"subject_id": request.GET.get("id", "")})
    if not wanted.is_valid():
        raise NotFound()
    return str(wanted.validated_data["subject_id"])


@page()
def users(request: PageRequest) -> HttpResponse:
    """Sorted by name, starting at `from`, so that a page costs the same however many users there are."""
    tenant_id, first = request.principal.tenant_id, request.GET.get("from", "").replace("\0", "")[:NAME_LENGTH]
    with tenant_transaction(tenant_id):
        rows = EndUser.objects.for_tenant(tenant_id).filter(name__gte=first).order_by("name")
        names = list(rows.values_list("name", flat=True)[: MOST + 1])
    following = names[MOST] if len(names) > MOST else None
    context = {"names": names[:MOST], "from": first, "following": following}
    return render(request, "studio/memory/users.html", context)


@page()
def user(request: PageRequest) -> HttpResponse:
    """An unknown name gets a page that says so, for example after an erasure."""
    tenant_id, name = request.principal.tenant_id, requested_name(request)
    with tenant_transaction(tenant_id):
        tally = tally_of(tenant_id=tenant_id, user_id=name)
        beliefs = beliefs_of(tenant_id=tenant_id, subject_id=name)
        events = Event.objects.for_tenant(tenant_id).filter(user_id=name).order_by("-occurred_at", "-id")[:NEWEST]
        episodes = Episode.objects.for_tenant(tenant_id).filter(user_id=name).order_by("-started_at", "-id")[:NEWEST]
        context: dict[str, Any] = {
            "name": name,
            "tally": tally,
            "beliefs": beliefs,
            "most_beliefs": BELIEFS,
            "events": list(events),
            "episodes": list(episodes.defer("event_ids")),
        }
    return render(request, "studio/memory/user.html", context)


@page(IsTenantAdmin, form=True)
def erase(request: PageRequest) -> HttpResponse:
    tenant_id, name = request.principal.tenant_id, requested_name(request)
    form = Form(request, ConfirmSerializer, context={"name": name, "what": "end user's id"})
    if form.submitted:
        with form.checking():
            form.fields()
            erased = erase_user(tenant_id=tenant_id, user_id=name, actor=actor_of(request))
            gone = {"event": erased.events, "belief version": erased.beliefs, "episode": erased.episodes}
            messages.success(request, f"Permanently erased: {counted_all(gone)}.")
            return redirect(user_page(name))
    with tenant_transaction(tenant_id):
        tally = tally_of(tenant_id=tenant_id, user_id=name)
    return form.show("studio/memory/user_erase.html", name=name, tally=tally)
