"""Taking back while the key, and others, still write."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event as Flag
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from memory.episodes.services import record_episode
from memory.models import Belief, Episode, Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import anonymous_client, client_for, make_event, make_key, principal_of

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 10
SUBJECTS = 3


def write_on(client: APIClient, who: str, stop: Flag) -> Counter[int]:
    """Beliefs that get in one another's way, and episodes of fresh events, until told to stop or let in no more."""
    answers: Counter[int] = Counter()
    for number in count():
        belief = {"subject_id": f"user {number % SUBJECTS}", "key": "city", "value": f"{who} {number}"}
        answers[client.post("/v1/beliefs", belief).status_code] += 1
        event = client.post("/v1/events", {"event_type": "x", "content": {}, "user_id": "ada"})
        if stop.is_set() or event.status_code == 401:
            break
        episode = {"user_id": "ada", "summary": "s", "event_ids": [event.json()["id"]]}
        answers[client.post("/v1/episodes", episode).status_code] += 1
    return answers


def test_undone_while_it_still_writes_nothing_breaks(acme: Tenant, acme_admin: User) -> None:
    (key, leaked), (_, other) = make_key(acme), make_key(acme)
    admin, since, stop = client_for(acme_admin), timezone.now().isoformat(), Flag()
    with ThreadPoolExecutor(2) as pool:
        writers = [
            pool.submit(
                in_its_own_connection,
                lambda plain=plain, who=who: write_on(anonymous_client(HTTP_X_API_KEY=plain), who, stop),
            )
            for plain, who in ((leaked, "key"), (other, "other"))
        ]
        undone = [admin.post(f"/v1/api-keys/{key.id}/undo", {"since": since}) for _ in range(ROUNDS)]
        assert admin.delete(f"/v1/api-keys/{key.id}").status_code == 200
        stop.set()
        answers = sum((writer.result() for writer in writers), Counter[int]())
    assert {answer.status_code for answer in undone} == {200}
    assert set(answers) <= {200, 201, 401, 422, 503}, answers  # 503: gave way in a deadlock, and lost nothing
    assert sum(answer.json()["beliefs"]["removed"] for answer in undone) > 0
    assert admin.post(f"/v1/api-keys/{key.id}/undo", {"since": since}).status_code == 200
    check_what_is_left(acme, key.id)


def check_what_is_left(tenant: Tenant, key_id: UUID) -> None:
    with tenant_transaction(tenant.id):
        for model in (Event, Belief, Episode):
            assert not model.objects.filter(written_by_key=key_id).exists()
        events = set(Event.objects.values_list("id", flat=True))
        named = {event for ids in Episode.objects.values_list("event_ids", flat=True) for event in ids}
        assert named <= events
        for subject in Belief.objects.values_list("subject_id", flat=True).distinct():
            newest = Belief.objects.filter(subject_id=subject).order_by("-created_at").first()
            assert newest.status == "active"


def test_an_episode_waits_for_the_undo_of_its_event(acme: Tenant, acme_admin: User) -> None:
    """And is refused then: it would name an event that is gone."""
    program = anonymous_client(HTTP_X_API_KEY=make_key(acme)[1])
    event = program.post("/v1/events", {"event_type": "x", "content": {}, "user_id": "ada"}).json()
    other = make_key(acme)[1]
    body = {"user_id": "ada", "summary": "s", "event_ids": [event["id"]]}
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as undoing:
        undoing.execute(f"SET LOCAL memgraph.tenant_id = '{acme.id}'")
        undoing.execute("DELETE FROM memory_event WHERE id = %s", [event["id"]])
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(
                in_its_own_connection,
                lambda: anonymous_client(HTTP_X_API_KEY=other).post("/v1/episodes", body),
            )
            until_somebody_waits(undoing)
            undoing.commit()
            answer = writing.result()
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_event")


def test_an_undo_waits_for_an_episode_that_is_being_written(acme: Tenant, acme_admin: User) -> None:
    """And takes the event out of it."""
    key, leaked = make_key(acme)
    program = anonymous_client(HTTP_X_API_KEY=leaked)
    since = timezone.now().isoformat()
    event = program.post("/v1/events", {"event_type": "x", "content": {}, "user_id": "ada"}).json()
    kept = make_event(acme)
    undo = f"/v1/api-keys/{key.id}/undo"
    admin = client_for(acme_admin)
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id):
            ids = [kept.id, UUID(event["id"])]
            written = record_episode(
                principal=principal_of(acme), user_id="ada", summary="s", started_at=timezone.now(), event_ids=ids
            )
            undoing = pool.submit(in_its_own_connection, lambda: admin.post(undo, {"since": since}))
            until_somebody_waits()
        assert undoing.result().json()["events"] == 1
    assert admin.get(f"/v1/episodes/{written.id}").json()["event_ids"] == [str(kept.id)]
