"""Streams of events, sent in every way, and the episodes that should come of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

from django.core.management import call_command
from rest_framework.test import APIClient

from memory.counts.recount import recount
from memory.models import Episode, Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.memory.reading import pages
from tests.memory.transfers import EVENT, make_file, upload

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = 30 + 1 / 60
FIRST = (datetime(1, 1, 1, tzinfo=UTC) - NOON) / MINUTE


def event(minutes: float, **fields: Any) -> dict[str, Any]:
    moment = NOON + minutes * MINUTE
    fields = {"text": f"at {minutes}"} | fields
    content = fields.pop("content", {"text": fields.pop("text", None)})
    fields.pop("text", None)
    told = {"event_type": "user_message", "user_id": "ada", "content": content}
    return told | {"occurred_at": moment.isoformat().replace("+00:00", "Z")} | fields


def make_episodes(*args: str) -> int:
    out = StringIO()
    call_command("make_episodes", *args, stdout=out)
    return int(out.getvalue().split()[0])


def post_each(client: APIClient, events: list[dict[str, Any]]) -> None:
    for one in events:
        assert client.post("/v1/events", one).status_code == 201


def post_batch(client: APIClient, events: list[dict[str, Any]]) -> None:
    for start in range(0, len(events), 1000):
        assert client.post("/v1/events/batch", {"events": events[start : start + 1000]}).status_code == 201


def import_all(client: APIClient, events: list[dict[str, Any]]) -> None:
    rows = [{**EVENT, "thread_id": None, **one, "id": str(uuid4())} for one in events]
    assert upload(client, make_file(*rows)).status_code == 200


WAYS: dict[str, Callable[[APIClient, list[dict[str, Any]]], None]] = {
    "each": post_each,
    "batch": post_batch,
    "import": import_all,
}


def listed(client: APIClient) -> list[dict[str, Any]]:
    return [episode for page in pages(client, "/v1/episodes", limit=200) for episode in page][::-1]


def shape(client: APIClient) -> list[tuple[str, str | None, float, float, int]]:
    """User, thread, minutes of start and end, and number of events: in order of the start."""

    def minutes(moment: str) -> float:
        return (datetime.fromisoformat(moment) - NOON) / MINUTE

    return sorted(
        (
            episode["user_id"],
            episode["thread_id"] or "",
            minutes(episode["started_at"]),
            minutes(episode["ended_at"]),
            episode["event_count"],
        )
        for episode in listed(client)
    )


def expected_windows(acme: Tenant) -> list[list[UUID]]:
    """As one would make them by hand, of all events of the tenant."""
    windows: dict[tuple[str, str | None], list[list[Event]]] = {}
    for one in Event.objects.for_tenant(acme.id).order_by("occurred_at", "id"):
        of_stream = windows.setdefault((one.user_id, one.thread_id), [])
        if of_stream and one.occurred_at - of_stream[-1][-1].occurred_at <= 30 * MINUTE:
            of_stream[-1].append(one)
        else:
            of_stream.append([one])
    return sorted([one.id for one in window] for of_stream in windows.values() for window in of_stream)


def check_episodes(tenant: Tenant) -> None:
    found = recount(tenant.id)
    assert (found.drifts, found.strays) == ([], 0)
    with tenant_transaction(tenant.id):
        derived = Episode.objects.for_tenant(tenant.id).filter(derived=True).values_list("event_ids", flat=True)
        assert sorted(derived) == expected_windows(tenant)
