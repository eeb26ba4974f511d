"""The search that agents use, with the parts of each score. A search here doesn't count as a recall."""

from typing import Any, Final, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render

from memory.recall.ranking import CANDIDATES
from memory.recall.search import FLOOR, WEIGHTS, Found, Hit
from memory.recall.services import look_up
from memory.recall.views import SearchSerializer
from studio.access import PageRequest, page
from studio.forms import sentence_of

MOST: Final = 20
LABELS: Final = {
    "words": "Words: how many of your words match, and how close together they are",
    "recency": "Recency: halves every 30 days",
    "confidence": "Confidence: how certain the writer was",
    "use": "Use: how often agents have recalled it",
}


class Part(NamedTuple):
    label: str
    points: float
    most: float


@page()
def search(request: PageRequest) -> HttpResponse:
    tenant_id = request.principal.tenant_id
    values = {name: request.GET.get(name, "") for name in ("query", "user_id")}
    wanted = SearchSerializer(data={"query": values["query"], "user_id": values["user_id"] or None, "limit": MOST})
    found, errors = Found(), {}
    if not wanted.is_valid():
        errors = {name: sentence_of(fault) for name, fault in wanted.errors.items()}
    elif values["query"]:
        subject_id = wanted.validated_data["user_id"]
        found = look_up(tenant_id=tenant_id, query=values["query"], subject_id=subject_id, limit=MOST)
    context: dict[str, Any] = {
        "values": values,
        "errors": errors,
        "hits": [(hit, parts_of(hit)) for hit in found.hits],
        "corrections": found.corrections,
        "most": MOST,
        "candidates": CANDIDATES,
        "floor": 100 * FLOOR,
    }
    return render(request, "studio/memory/search.html", context, status=422 if errors else 200)


def parts_of(hit: Hit) -> list[Part]:
    """In points out of 100. Together with the points that every hit gets (`FLOOR`), they add up to the score."""
    shares = {name: 100 * (1 - FLOOR) * weight for name, weight in WEIGHTS.items()}
    return [Part(LABELS[name], share * hit.parts[name], share) for name, share in shares.items()]
