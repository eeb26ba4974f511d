"""The totals of a tenant."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.factories import make_belief, make_episode, make_event

MICROSECOND = timedelta(microseconds=1)


def midnight() -> datetime:
    """When today began in UTC."""
    return datetime.combine(timezone.now().date(), time(), UTC)


def per_day(client: APIClient) -> dict[str, int]:
    return {day["date"]: day["events"] for day in client.get("/v1/stats").json()["events_per_day"]}


def test_stats_of_an_empty_tenant(globex: Tenant, editor_key: APIClient) -> None:
    for make in (make_event, make_belief, make_episode):
        make(globex)
    stats = editor_key.get("/v1/stats").json()
    days = stats.pop("events_per_day")
    assert stats == {
        "total_events": 0,
        "total_beliefs": 0,
        "total_episodes": 0,
        "total_users": 0,
        "last_event_at": None,
    }
    assert [day["events"] for day in days] == [0] * 30


def test_totals_count_active_beliefs_and_every_event_and_episode(acme: Tenant, editor_key: APIClient) -> None:
    for value in ("London", "Paris"):
        make_belief(acme, value=value)
    forgotten = make_belief(acme, key="name")
    editor_key.delete(f"/v1/beliefs/{forgotten.id}?soft=true")
    for number in range(3):
        make_event(acme, occurred_at=datetime(2020, 1, 1 + number, tzinfo=UTC))
    make_episode(acme)
    stats = editor_key.get("/v1/stats").json()
    assert (stats["total_events"], stats["total_beliefs"], stats["total_episodes"]) == (3, 1, 1)
    assert stats["last_event_at"] == "2020-01-03T00:00:00Z"
    assert sum(day["events"] for day in stats["events_per_day"]) == 0


def test_users_are_distinct_over_events_beliefs_and_episodes(acme: Tenant, editor_key: APIClient) -> None:
    for user in ("ada", "ada", "bob", "Ada"):
        make_event(acme, user_id=user)
    for user in ("bob", "eve"):
        make_belief(acme, subject_id=user)
    for user in ("ada", "zoë"):
        make_episode(acme, user_id=user)
    assert editor_key.get("/v1/stats").json()["total_users"] == 5


def test_user_of_a_forgotten_belief_still_has_a_row(acme: Tenant, editor_key: APIClient) -> None:
    editor_key.delete(f"/v1/beliefs/{make_belief(acme).id}?soft=true")
    assert editor_key.get("/v1/stats").json()["total_users"] == 1


def test_days_are_the_last_thirty_in_utc_with_today_last(editor_key: APIClient) -> None:
    today = midnight().date()
    assert list(per_day(editor_key)) == [str(today - timedelta(days=age)) for age in range(29, -1, -1)]


@pytest.mark.parametrize(
    ("since_midnight", "day"),
    [
        (timedelta(days=-29), -29),
        (timedelta(days=-28) - MICROSECOND, -29),
        (-MICROSECOND, -1),
        (timedelta(0), 0),
        (timedelta(days=1) - MICROSECOND, 0),
        (timedelta(days=-29) - MICROSECOND, None),
        (timedelta(days=1), None),
    ],
)
def test_event_counts_on_its_day_in_utc(
    since_midnight: timedelta, day: int | None, acme: Tenant, editor_key: APIClient
) -> None:
    start = midnight()
    zone = timezone.get_fixed_timezone(14 * 60)
    make_event(acme, occurred_at=(start + since_midnight).astimezone(zone))
    counted = {date for date, events in per_day(editor_key).items() if events}
    assert counted == (set() if day is None else {str((start + timedelta(days=day)).date())})
