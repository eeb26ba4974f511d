"""What a hit is worth: by its age, how sure it is, where its words stand, whose stems they are, how often recalled."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import make_belief
from tests.memory.transfers import BELIEF, make_file, upload


def search(client: APIClient, query: str) -> dict[str, Any]:
    response = client.post("/v2/context", {"query": query, "user_id": "ada"})
    assert response.status_code == 200
    return response.json()


def scores(client: APIClient, query: str) -> dict[str, float]:
    """Of the keys that were found, best first."""
    return {memory["metadata"]["key"]: memory["score"] for memory in search(client, query)["memories"]}


@pytest.mark.parametrize(
    ("days", "confidence", "difference"),
    [
        (30, 0.5, 0.65 * 0.2 * 0.5),
        (60, 0.5, 0.65 * 0.2 * 0.75),
        (0, 0.1, 0.65 * 0.15 * 0.4),
        (30, 0.1, 0.65 * (0.2 * 0.5 + 0.15 * 0.4)),
    ],
    ids=["a half-life old", "two half-lives old", "unsure", "old and unsure"],
)
def test_of_equal_words_the_old_and_the_unsure_score_lower(
    days: int, confidence: float, difference: float, admin_key: APIClient
) -> None:
    """By as much as the documentation says. The better one comes first in the file, so that no tie favours it."""
    now = timezone.now()
    better, worse = (
        BELIEF | {"id": f"01900000-0000-7000-8000-00000000000{number}", "key": key, "value": "speaks Esperanto"}
        for number, key in enumerate(("better", "worse"))
    )
    better |= {"updated_at": now.isoformat()}
    worse |= {"updated_at": (now - timedelta(days=days)).isoformat(), "confidence": confidence}
    assert upload(admin_key, make_file(better, worse)).status_code == 200
    found = scores(admin_key, "esperanto")
    assert list(found) == ["better", "worse"]
    assert found["better"] - found["worse"] == pytest.approx(difference, abs=0.0005)


@pytest.mark.parametrize(
    ("value", "key", "query"),
    [
        ("likes tea", "tea", "tea"),
        ("lives there", "living", "living"),
        ("likes the tea of Pune", "tea Pune", "tea in Pune"),
    ],
    ids=["as it stands", "by its stem", "of several words"],
)
def test_a_word_of_the_value_counts_more_than_one_of_the_key(
    value: str, key: str, query: str, acme: Tenant, admin_key: APIClient
) -> None:
    """Even a stem of the value more than the word itself in the key."""
    make_belief(acme, key="plain", value=value)
    make_belief(acme, key=key, value="is written here")
    found = scores(admin_key, query)
    assert list(found) == ["plain", key]
    assert found["plain"] > found[key]


@pytest.mark.parametrize(("language", "found"), [("german", ["home"]), ("english", [])])
def test_stems_are_those_of_the_language_of_the_settings(
    language: str, found: list[str], acme: Tenant, admin_key: APIClient, settings: Settings
) -> None:
    settings.SEARCH_LANGUAGE = language
    make_belief(acme, key="home", value="Häuser am See")
    assert list(scores(admin_key, "Haus")) == found


def test_a_recall_counts_once_a_minute(acme: Tenant, admin_key: APIClient) -> None:
    make_belief(acme, value="speaks Esperanto")
    for seconds_later, uses in ((0, 0), (0, 1), (0, 1), (55, 1), (61, 1), (0, 2), (0, 2)):
        with tenant_transaction(acme.id):
            Belief.objects.exclude(recalled_at=None).update(
                recalled_at=timezone.now() - timedelta(seconds=seconds_later)
            )
        [parts] = search(admin_key, "esperanto")["debug"]["scores"].values()
        assert parts["use"] == pytest.approx(uses / (uses + 5), abs=0.0001)
