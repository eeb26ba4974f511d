"""What becomes of episodes that made themselves: by removals, by what people write of them, by transfers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event as Flag
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from memory.episodes import building, windows
from memory.events.services import record_event
from memory.models import Episode, Event, UnsettledSpan
from memory.removal import end_user
from memory.transactions import tenant_transaction
from tenants.actor import Actor
from tenants.models import Role, Tenant
from tests.connections import in_its_own_connection, own, until_somebody_waits
from tests.factories import (
    anonymous_client,
    client_for,
    key_client,
    make_episode,
    make_event,
    make_key,
    make_tenant,
    principal_of,
)
from tests.memgraph.processes import wait_for
from tests.memory.streams import (
    MINUTE,
    NOON,
    check_episodes,
    event,
    import_all,
    listed,
    make_episodes,
    post_batch,
    post_each,
    shape,
)
from tests.memory.transfers import export, normalised, parsed, upload

pytestmark = pytest.mark.django_db(transaction=True)  # episodes are made after the commit


# Removal


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("poisoned", [[0], [1], [2], [0, 2], [0, 1, 2], [1, 2]], ids=str)
def test_an_episode_goes_with_a_poisoned_event(
    poisoned: list[int], settled: bool, acme: Tenant, acme_admin: User, admin_key: APIClient
) -> None:
    key, leaked = make_key(acme)
    since = timezone.now().isoformat()
    leaker = anonymous_client(HTTP_X_API_KEY=leaked)
    for number in range(3):
        text = "poison" if number in poisoned else "fine"
        post_each(leaker if number in poisoned else admin_key, [event(20 * number, text=text)])
    if settled:
        make_episodes()
        assert [episode["event_count"] for episode in listed(admin_key)] == [3]
    undone = client_for(acme_admin).post(f"/v1/api-keys/{key.id}/undo", {"since": since})
    assert undone.json()["events"] == len(poisoned)
    assert "poison" not in str(listed(admin_key))
    make_episodes()
    check_episodes(acme)
    assert "poison" not in str(listed(admin_key))


def test_erasing_a_user_leaves_no_trace_of_the_stream(acme: Tenant, acme_admin: User, admin_key: APIClient) -> None:
    post_each(admin_key, [event(0, thread_id="t"), event(100, thread_id="t"), event(0, user_id="bob", thread_id="t")])
    assert client_for(acme_admin).post("/v1/admin/erase", {"user_id": "ada"}).status_code == 200
    make_episodes()
    assert shape(admin_key) == [("bob", "t", 0, 0, 1)]
    with tenant_transaction(acme.id):
        assert not UnsettledSpan.objects.exists()


@pytest.mark.parametrize("first", ["the write", "the erasure", "the end of the erasure"])
def test_an_event_written_while_its_user_is_erased_gets_into_an_episode(
    first: str, acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw the event before it, which is going, and so may have left no span."""
    now = timezone.now()
    make_event(acme, occurred_at=now - 20 * MINUTE)
    erase = partial(
        in_its_own_connection, partial(end_user.erase_user, tenant_id=acme.id, user_id="ada", actor=Actor(label="a"))
    )
    with ThreadPoolExecutor(2) as pool:
        if first == "the write":
            with tenant_transaction(acme.id):
                make_event_now = partial(record_event, principal=principal_of(acme), event_type="x", content={})
                make_event_now(user_id="ada", occurred_at=now - 15 * MINUTE)
                erasing = pool.submit(erase)
                until_somebody_waits()
        else:
            removed, go_on = Flag(), Flag()
            paused = "at_the_end" if first == "the erasure" else "record"
            monkeypatch.setattr(end_user, paused, lambda *_, **__: (removed.set(), go_on.wait(10)))
            erasing = pool.submit(erase)
            assert removed.wait(10)
            write = partial(make_event, acme, occurred_at=now - 15 * MINUTE)
            writing = pool.submit(in_its_own_connection, write)
            if first == "the erasure":
                writing.result(10)
            else:
                until_anybody_waits()
            go_on.set()
            writing.result(10)
        assert erasing.result(10).events == 1
    make_event(acme, occurred_at=now - 10 * MINUTE)
    settings.EPISODE_GAP = 7 * MINUTE  # now the stretch is over
    with tenant_transaction(acme.id):
        UnsettledSpan.objects.update(due_at=NOON)
    make_episodes()
    check_episodes(acme)


def until_anybody_waits() -> None:
    """In this database, for whomever."""
    here = "JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
    waiting = f"SELECT FROM pg_locks {here} AND NOT granted"
    wait_for(lambda: own().execute(waiting).rowcount, 30, "somebody to wait")


def test_an_event_after_many_of_one_moment_gets_into_an_episode(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two episodes begin at that moment: the one that is full, and the one that goes on."""
    for module in (building, windows):
        monkeypatch.setattr(module, "LONGEST_WINDOW", 3)
    moment = timezone.now() - timedelta(days=1)
    users = [f"user {number}" for number in range(8)]  # which of the two is found first, is chance
    for user_id in users:
        for minutes in (0, 0, 0, 0, 10):
            make_event(acme, user_id=user_id, occurred_at=moment + minutes * MINUTE)
    make_episodes()
    for user_id in users:
        make_event(acme, user_id=user_id, occurred_at=moment + 35 * MINUTE)
    make_episodes()
    with tenant_transaction(acme.id):
        named = [id for episode in Episode.objects.all() for id in episode.event_ids]
        assert len(named) == Event.objects.count() == 6 * len(users)


# What people write of them


def test_words_of_a_person_outlive_a_rebuild(admin_key: APIClient) -> None:
    post_each(admin_key, [event(0), event(20)])
    make_episodes()
    [episode] = listed(admin_key)
    mine = {"summary": "She asked.", "tags": ["order"], "outcome": "completed"}
    changed = admin_key.patch(f"/v1/episodes/{episode['id']}", {**episode, **mine}).json()
    assert changed == episode | mine | {"summary_kind": "given"}
    post_each(admin_key, [event(40)])
    make_episodes()
    [grown] = listed(admin_key)
    assert grown["event_count"] == 3
    assert {name: grown[name] for name in ("id", *mine)} == {"id": episode["id"], **mine}
    post_each(admin_key, [event(-10)])
    make_episodes()
    made, kept = listed(admin_key)
    assert (made["event_count"], made["derived"], made["summary_kind"]) == (4, True, "extractive")
    assert (kept["id"], kept["summary"], kept["derived"]) == (episode["id"], "She asked.", False)


def test_tags_alone_leave_the_summary_extractive(admin_key: APIClient) -> None:
    post_each(admin_key, [event(0)])
    make_episodes()
    [episode] = listed(admin_key)
    changed = admin_key.patch(
        f"/v1/episodes/{episode['id']}", {"tags": ["a"], "summary_kind": "given", "derived": False}
    )
    assert changed.json() == episode | {"tags": ["a"]}


@pytest.mark.parametrize(
    "change",
    [{"user_id": "bob"}, {"thread_id": "x"}, {"started_at": "2026-01-01T00:00:00Z"}, {"event_ids": []}],
    ids=str,
)
def test_the_events_of_a_derived_episode_decide_its_place(change: dict[str, Any], admin_key: APIClient) -> None:
    post_each(admin_key, [event(0)])
    make_episodes()
    [episode] = listed(admin_key)
    refused = admin_key.patch(f"/v1/episodes/{episode['id']}", change)
    assert (refused.status_code, refused.json()["code"]) == (409, "episode_derived")
    assert listed(admin_key) == [episode]


def test_given_episodes_are_left_alone(acme: Tenant, admin_key: APIClient) -> None:
    post_each(admin_key, [event(0)])
    [row] = admin_key.get("/v1/events").json()["items"]
    given = make_episode(acme, started_at=NOON, event_ids=[UUID(row["id"])])
    make_episodes()
    episodes = {episode["id"]: episode for episode in listed(admin_key)}
    assert len(episodes) == 2
    assert (episodes[str(given.id)]["derived"], episodes[str(given.id)]["summary_kind"]) == (False, "given")


# Tenants and transfers


def test_the_command_makes_one_tenants_or_all(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        import_all(key_client(tenant, Role.ADMIN), [event(0), event(100)])
    assert make_episodes(str(acme.id)) == 2
    assert [len(listed(key_client(tenant))) for tenant in (acme, globex)] == [2, 0]
    assert make_episodes() == 2
    with pytest.raises(CommandError, match="no such tenant"):
        make_episodes("nobody")


def test_export_and_import_keep_them_identical(admin_key: APIClient, globex: Tenant) -> None:
    post_batch(admin_key, [event(20 * n * n, thread_id="t") for n in range(8)])
    make_episodes()
    file = export(admin_key)
    assert {line["summary_kind"] for line in parsed(file) if line["type"] == "episode"} == {"extractive"}
    into = key_client(globex, Role.ADMIN)
    assert upload(into, file).status_code == 200
    assert normalised(export(into)) == normalised(file)
    assert make_episodes() == 0
    assert normalised(export(into)) == normalised(file)
    assert upload(into, file).json()["created"] == {"event": 0, "belief": 0, "episode": 0}
    assert make_episodes() == 0
    assert normalised(export(into)) == normalised(file)


def test_a_shorter_gap_divides_what_is_looked_at_again(admin_key: APIClient, settings: Any) -> None:
    post_batch(admin_key, [event(20 * n) for n in range(4)])
    make_episodes()
    settings.EPISODE_GAP = 10 * MINUTE
    post_each(admin_key, [event(1)])
    make_episodes()
    assert [episode["event_count"] for episode in listed(admin_key)] == [2, 1, 1, 1]


def test_what_was_there_before_is_found_by_the_command(admin_key: APIClient) -> None:
    tenant = make_tenant("Old")
    import_all(key_client(tenant, Role.ADMIN), [event(n * 100) for n in range(30)])
    assert make_episodes(str(tenant.id)) == 30
