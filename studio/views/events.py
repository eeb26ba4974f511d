"""Events: as a list, as a conversation, and one by one."""

import json

from django.http import HttpResponse
from django.shortcuts import render

from memory.events.serializers import EventFilterSerializer
from memory.models import Event
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.listing import Listing
from studio.queries import key_choices, writer_names


@page()
def events(request: PageRequest) -> HttpResponse:
    """Newest first. A single thread is shown as a conversation."""
    tenant_id = request.principal.tenant_id
    listing = Listing(request, EventFilterSerializer)
    with tenant_transaction(tenant_id):
        listing.take(Event.objects.for_tenant(tenant_id), ordering=("-occurred_at", "-id"), name="events")
    keys = key_choices(request.principal)
    if "thread_id" in listing.wanted:
        several = len({event.user_id for event in listing.rows}) > 1
        return listing.show("studio/memory/thread.html", keys=keys, several=several)
    return listing.show("studio/memory/events.html", keys=keys, writers=writer_names(tenant_id, listing.rows))


@page()
def event(request: PageRequest, id: str) -> HttpResponse:
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id):
        found = Event.objects.for_tenant(tenant_id).with_id(id)
    text = found.content.get("text")
    context = {
        "event": found,
        "text": text if isinstance(text, str) else "",
        "content": json.dumps(found.content, ensure_ascii=False, indent=2),
        "writers": writer_names(tenant_id, [found]),
    }
    return render(request, "studio/memory/event.html", context)
