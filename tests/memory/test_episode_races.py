"""Episodes are made while other requests write or remove events."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from memory.episodes.building import build, build_step, build_tenant
from memory.episodes.unsettled import exclude_builders, exclude_removals, next_span
from memory.episodes.windows import Stream
from memory.events.services import record_event
from memory.models import UnsettledSpan
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import anonymous_client, client_for, make_event, make_key, principal_of
from tests.memory.reading import kept_rows
from tests.memory.streams import MINUTE, NOON, WAYS, check_episodes, event, listed, make_episodes, post_each

pytestmark = pytest.mark.django_db(transaction=True)  # episodes are made after the commit


@pytest.mark.parametrize("round_", [0, 1, *(pytest.param(number, marks=pytest.mark.soak) for number in range(2, 20))])
def test_writers_of_one_stream_at_once_leave_no_gap_and_no_overlap(round_: int, acme: Tenant) -> None:
    key = make_key(acme)[1]

    def write(seed: int) -> None:
        random, admin_key = Random(seed), anonymous_client(HTTP_X_API_KEY=key)
        for _ in range(12):
            rows = [event(random.randrange(400), thread_id="t") for _ in range(3)]
            WAYS[random.choice(["each", "batch"])](admin_key, rows)

    def settle() -> None:
        for _ in range(5):
            build_tenant(acme.id)

    with ThreadPoolExecutor(5) as pool:
        acts = [lambda seed=seed: write(round_ * 10 + seed) for seed in range(3)] + [settle, settle]
        for done in [pool.submit(in_its_own_connection, act) for act in acts]:
            done.result()
    make_episodes()
    check_episodes(acme)
    with tenant_transaction(acme.id):
        assert not UnsettledSpan.objects.exists()


def test_settling_waits_for_an_event_that_leaves_no_span(acme: Tenant, admin_key: APIClient, settings: Any) -> None:
    """The event extends the stretch, so no episode is made yet."""
    recent = timezone.now() - 20 * MINUTE
    settings.EPISODE_GAP = 60 * MINUTE
    make_event(acme, occurred_at=recent - 25 * MINUTE)
    settings.EPISODE_GAP = 30 * MINUTE  # without the second event, the stretch is over
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id):
            UnsettledSpan.objects.update(due_at=NOON)
            record_event(principal=principal_of(acme), event_type="x", content={}, user_id="ada", occurred_at=recent)
            assert UnsettledSpan.objects.count() == 1
            stream = Stream(acme.id, "ada", None)
            settling = pool.submit(in_its_own_connection, lambda: build(stream))
            until_somebody_waits()
        assert settling.result() == 0
    assert listed(admin_key) == []


def test_a_write_does_not_wait_for_a_removal(acme: Tenant, admin_key: APIClient) -> None:
    """The write makes no episode. The command makes it later."""
    with tenant_transaction(acme.id), ThreadPoolExecutor(1) as pool:
        exclude_builders(acme.id)
        pool.submit(in_its_own_connection, lambda: post_each(admin_key, [event(0)])).result()
    assert listed(admin_key) == []
    assert make_episodes() == 1


def test_a_removal_waits_for_an_episode_that_is_being_made(acme: Tenant, acme_admin: User, settings: Any) -> None:
    """It deletes the episode together with its event."""
    admin, stream = client_for(acme_admin), Stream(acme.id, "ada", None)
    make_event(acme, occurred_at=timezone.now() - 20 * MINUTE)
    settings.EPISODE_GAP = 10 * MINUTE  # now the stretch is over
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id):
            UnsettledSpan.objects.update(due_at=NOON)
            assert exclude_removals(acme.id, wait=True)
            span = next_span(stream)
            assert span
            assert build_step(span) == 1
            erasing = pool.submit(in_its_own_connection, lambda: admin.post("/v1/admin/erase", {"user_id": "ada"}))
            until_somebody_waits()
        erased = erasing.result()
    assert erased.status_code == 200, erased.content
    assert (erased.json()["events"], erased.json()["episodes"]) == (1, 1)
    assert set(kept_rows(acme)) == {"Tally"}
    check_episodes(acme)
