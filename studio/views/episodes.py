"""Episodes: events that belong together."""

from typing import Final

from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import render

from memory.episodes.serializers import EpisodeFilterSerializer
from memory.models import Episode, Event
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.listing import Listing
from studio.queries import key_choices, writer_names

EVENTS: Final = 100  # per page; an episode has at most 1,000


@page()
def episodes(request: PageRequest) -> HttpResponse:
    tenant_id = request.principal.tenant_id
    listing = Listing(request, EpisodeFilterSerializer)
    rows = Episode.objects.for_tenant(tenant_id).defer("event_ids").annotate(size=Coalesce("event_ids__len", 0))
    with tenant_transaction(tenant_id):
        listing.take(rows, ordering=("-started_at", "-id"), name="episodes")
    return listing.show(
        "studio/memory/episodes.html",
        keys=key_choices(request.principal),
        outcomes=Episode.Outcome.values,
        statuses=Episode.Consolidation.values,
    )


@page()
def episode(request: PageRequest, id: str) -> HttpResponse:
    tenant_id = request.principal.tenant_id
    after = request.GET.get("after", "")
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 5 else 0
    with tenant_transaction(tenant_id):
        found = Episode.objects.for_tenant(tenant_id).with_id(id)
        events = Event.objects.for_tenant(tenant_id).filter(id__in=found.event_ids)
        rows = list(events.order_by("occurred_at", "id")[start : start + EVENTS + 1])
    context = {
        "episode": found,
        "events": rows[:EVENTS],
        "start": start,
        "next": start + EVENTS if len(rows) > EVENTS else None,
        "writers": writer_names(tenant_id, [found]),
    }
    return render(request, "studio/memory/episode.html", context)
