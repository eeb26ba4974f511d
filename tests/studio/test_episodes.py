import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from memory.models import Episode, Event
from memory.transactions import tenant_transaction
from studio.views.episodes import EVENTS
from tenants.models import Tenant
from tests.factories import make_episode, make_event
from tests.studio.browsing import browser
from tests.studio.names import HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 1, 1, tzinfo=UTC)


def page(user: User, path: str, **query: str) -> str:
    response = browser(user).get(path, query)
    assert response.status_code == 200
    return str(response.content.decode())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["two", "one"]),
        ({"user_id": "ada"}, ["one"]),
        ({"outcome": "completed"}, ["one"]),
        ({"consolidation_status": "consolidated"}, ["two"]),
        ({"thread_id": "t"}, ["two"]),
        ({"since": "2026-01-02T00:00"}, ["two"]),
        ({"user_id": "nobody"}, []),
    ],
)
def test_filters(query: dict[str, str], found: list[str], acme: Tenant, acme_viewer: User) -> None:
    make_episode(acme, summary="one", outcome="completed", started_at=START, ended_at=START)
    make_episode(
        acme,
        summary="two",
        user_id="bob",
        thread_id="t",
        consolidation_status=Episode.Consolidation.CONSOLIDATED,
        started_at=START + timedelta(days=1),
    )
    content = page(acme_viewer, "/studio/episodes", **query)
    assert re.findall(r'class="cut plain" dir="auto" href="[^"]+">(\w+)<', content) == found
    assert ("No matching episodes" in content) == (not found)


def test_a_bad_filter_and_an_empty_list_are_said(acme_viewer: User) -> None:
    response = browser(acme_viewer).get("/studio/episodes", {"outcome": "great"})
    assert (response.status_code, "<strong>Outcome</strong>:" in response.content.decode()) == (422, True)
    assert "Episodes are created automatically" in page(acme_viewer, "/studio/episodes")


def test_an_episode_with_its_events_in_order(acme: Tenant, acme_viewer: User) -> None:
    late = make_event(acme, content={"text": "late"}, occurred_at=START + timedelta(hours=1))
    early = make_event(acme, content={"text": "early"}, occurred_at=START)
    make_event(acme, content={"text": "another"})
    episode = make_episode(
        acme, summary="a\nb", tags=["<b>", "tag"], outcome="escalated", event_ids=[late.id, early.id]
    )
    content = page(acme_viewer, f"/studio/episodes/{episode.id}")
    assert re.findall(r'href="/studio/events/[^"]+">(\w+)<', content) == ["early", "late"]
    for shown in ('<p class="words" dir="auto">a\nb</p>', "&lt;b&gt;", "escalated", "<dt>Events</dt><dd>2</dd>"):
        assert shown in content
    assert '<td data-label="Events" class="number"><span>2</span>' in page(acme_viewer, "/studio/episodes")


def test_many_events_have_pages(acme: Tenant, acme_viewer: User) -> None:
    with tenant_transaction(acme.id):
        events = Event.objects.bulk_create(
            Event(
                tenant=acme,
                user_id="ada",
                event_type="x",
                content={"text": f"number{number}"},
                occurred_at=START + timedelta(minutes=number),
            )
            for number in range(EVENTS + 5)
        )
    path = f"/studio/episodes/{make_episode(acme, event_ids=[event.id for event in events]).id}"
    first, rest = page(acme_viewer, path), page(acme_viewer, path, after=str(EVENTS))
    assert f'href="?after={EVENTS}"' in first
    assert re.findall(r"number\d+", first + rest) == [f"number{number}" for number in range(EVENTS + 5)]
    for odd in ("-1", "x", "9" * 30, "٣"):
        assert "number0<" in page(acme_viewer, path, after=odd)
    assert "No more events." in page(acme_viewer, path, after="9999")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_inert(name: str, acme: Tenant, acme_viewer: User) -> None:
    episode = make_episode(acme, user_id=name, agent_id=name, thread_id=name, summary=name, tags=[name[:64]])
    for path in ("/studio/episodes", f"/studio/episodes/{episode.id}"):
        content = page(acme_viewer, path)
        assert "<img src=x" not in content
        assert "<script>alert" not in content
