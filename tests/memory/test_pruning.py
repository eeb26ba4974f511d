"""Retention: events go when they happened too long ago, in batches, and nothing else does."""

from argparse import ArgumentTypeError
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from itertools import count

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from memory.episodes.services import revise_episode
from memory.management.commands.prune_events import days
from memory.models import Episode, Event
from memory.removal import retention
from memory.removal.rows import CREATE_REMOVED
from memory.transactions import tenant_transaction
from tenants.models import AuditEntry, Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import make_belief, make_episode, make_event


def prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_events", *arguments, stdout=out)
    call_command("recount", stdout=StringIO())
    return out.getvalue()


def fill(tenant: Tenant, *ages: int) -> list[Event]:
    """Events that happened so many days ago. They were all written just now."""
    now = timezone.now()
    return [make_event(tenant, user_id=f"user {age}", occurred_at=now - timedelta(days=age)) for age in ages]


def ages(tenant: Tenant) -> list[int]:
    with tenant_transaction(tenant.id):
        moments = list(Event.objects.order_by("-occurred_at").values_list("occurred_at", flat=True))
    return [(timezone.now() - moment).days for moment in moments]


def audited(tenant: Tenant) -> list[int]:
    entries = AuditEntry.objects.filter(tenant_id=tenant.id, action="events.pruned").order_by("number")
    return [entry.after["events"] for entry in entries if entry.after]


@pytest.fixture
def kept_a_month(acme: Tenant, globex: Tenant, admin: APIClient) -> Tenant:
    """Beside a tenant that has set nothing."""
    for tenant in (acme, globex):
        fill(tenant, 0, 29, 30, 31, 400)
    assert admin.patch("/v1/tenant", {"event_retention_days": 30}).status_code == 200
    return acme


@pytest.mark.parametrize(
    ("arguments", "ours", "theirs"),
    [
        ([], [0, 29], [0, 29, 30, 31, 400]),
        (["--older-than", "90d"], [0, 29, 30, 31], [0, 29, 30, 31]),
        (["--older-than=31"], [0, 29, 30], [0, 29, 30]),
        (["--older-than=1d", "--tenant={acme}"], [0], [0, 29, 30, 31, 400]),
        (["--tenant={globex}"], [0, 29, 30, 31, 400], [0, 29, 30, 31, 400]),
        (["--older-than=36500"], [0, 29, 30, 31, 400], [0, 29, 30, 31, 400]),
    ],
)
def test_events_go_by_when_they_happened(
    arguments: list[str], ours: list[int], theirs: list[int], kept_a_month: Tenant, globex: Tenant
) -> None:
    prune(*[argument.format(acme=kept_a_month.id, globex=globex.id) for argument in arguments])
    assert (ages(kept_a_month), ages(globex)) == (ours, theirs)


def test_a_dry_run_only_counts(kept_a_month: Tenant) -> None:
    assert prune("--dry-run") == f"tenant {kept_a_month.id}: 3 events older than 30 days would be removed\n"
    assert len(ages(kept_a_month)) == 5
    assert audited(kept_a_month) == []


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_many_batches_are_one_row_of_the_audit_log(
    batch: int, kept_a_month: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    for _ in range(2):
        prune()
    assert ages(kept_a_month) == [0, 29]
    assert audited(kept_a_month) == [3]


def test_episodes_forget_the_events_and_everything_else_stays(
    acme: Tenant, admin: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    old, older, new, oldest = fill(acme, 10, 20, 1, 30)
    make_belief(acme, subject_id="user 10")
    ids = [old.id, new.id, oldest.id, older.id]
    mixed, emptied, other = (make_episode(acme, event_ids=named) for named in (ids, [old.id], [new.id]))
    prune("--older-than=5d")
    for episode, left in ((mixed, [new]), (emptied, []), (other, [new])):
        named = admin.get(f"/v1/episodes/{episode.id}").json()["event_ids"]
        assert named == [str(event.id) for event in left]
    stats = admin.get("/v1/stats").json()
    assert (stats["total_events"], stats["total_beliefs"], stats["total_episodes"]) == (1, 1, 3)
    assert stats["total_users"] == 3  # of the belief, of the episodes, of the event that is left


@pytest.mark.parametrize("text", ["0", "0d", "-1", "d", "", "90 d", "36501", "9999999", "2026-01-01", "1.5", "٣"])
def test_other_ages_are_refused(text: str, acme: Tenant) -> None:
    with pytest.raises(ArgumentTypeError, match="number of days"):
        days(text)
    with pytest.raises(CommandError):
        prune(f"--older-than={text}")


@pytest.mark.parametrize("tenant", ["x", "01a208d9-5cc5-74e6-887b-8ca0e8a70576"])
def test_an_unknown_tenant_is_refused(tenant: str) -> None:
    with pytest.raises(CommandError, match="no such tenant"):
        prune("--tenant", tenant)


@pytest.mark.parametrize("value", [0, -1, 36501, "x", 1.5, True])
def test_a_setting_that_is_none_is_refused(value: object, acme: Tenant, admin: APIClient) -> None:
    answer = admin.patch("/v1/tenant", {"event_retention_days": value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "event_retention_days")


@pytest.mark.django_db(transaction=True)
def test_broken_off_what_was_done_stays_done_and_is_audited(
    kept_a_month: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    batches = count()

    def break_off(execute, statement, *rest):  # type: ignore[no-untyped-def]
        if statement == CREATE_REMOVED and next(batches) == 2:
            raise KeyboardInterrupt
        return execute(statement, *rest)

    with pytest.raises(KeyboardInterrupt), connection.execute_wrapper(break_off):
        prune()
    assert ages(kept_a_month) == [0, 29, 30]
    prune()
    assert ages(kept_a_month) == [0, 29]
    assert audited(kept_a_month) == [2, 1]


@pytest.mark.django_db(transaction=True)
def test_run_twice_at_once_while_others_write_it_loses_nothing(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    events = fill(acme, *range(5, 45), *range(3))

    def write() -> None:
        for event in events[-3:] * 5:
            make_episode(acme, event_ids=[event.id])
            fill(acme, 10, 0)

    with ThreadPoolExecutor(3) as pool:
        acts = [lambda: call_command("prune_events", "--older-than=4d", stdout=StringIO())] * 2 + [write]
        for race in [pool.submit(in_its_own_connection, act) for act in acts]:
            race.result()
    prune("--older-than=4d")
    assert sorted(ages(acme)) == [0] * 16 + [1, 2]
    assert sum(audited(acme)) == 55
    with tenant_transaction(acme.id):
        assert set(Episode.objects.values_list("event_ids", flat=True).distinct()[0]) <= {event.id for event in events}


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_passed_over(kept_a_month: Tenant) -> None:
    """The run neither waits nor fails, and the next one takes it."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as writer:
        writer.execute(f"SET LOCAL memgraph.tenant_id = '{kept_a_month.id}'")
        writer.execute("SELECT FROM memory_event WHERE user_id = 'user 31' FOR KEY SHARE")
        prune()
        assert ages(kept_a_month) == [0, 29, 31]
    prune()
    assert ages(kept_a_month) == [0, 29]


@pytest.mark.django_db(transaction=True)
def test_an_episode_that_is_changed_meanwhile_keeps_the_change(acme: Tenant, admin: APIClient) -> None:
    old, kept = fill(acme, 10, 0)
    episode = make_episode(acme, event_ids=[old.id])
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id):
            revise_episode(episode=episode, changes={"event_ids": [kept.id]})
            pruning_it = pool.submit(in_its_own_connection, lambda: prune("--older-than=5d"))
            until_somebody_waits()
        pruning_it.result()
    assert admin.get(f"/v1/episodes/{episode.id}").json()["event_ids"] == [str(kept.id)]
    assert ages(acme) == [0]
