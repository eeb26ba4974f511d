"""All that is remembered of one end user goes, and nothing else."""

from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from accounts.models import User
from memory.transactions import tenant_transaction
from tenants.models import AuditEntry, Tenant
from tests.factories import client_for, make_belief, make_episode, make_event


def fill(tenant: Tenant, user: str) -> None:
    for number in range(2):
        make_event(tenant, user_id=user, content={"secret": user})
        make_belief(tenant, subject_id=user, value=f"London {number}")
    make_episode(tenant, user_id=user)


def totals(client: APIClient) -> tuple[int, int, int]:
    stats = client.get("/v1/stats").json()
    return stats["total_events"], stats["total_beliefs"], stats["total_episodes"]


def test_one_end_user_is_erased_in_every_version(admin: APIClient, acme: Tenant) -> None:
    fill(acme, "ada")
    fill(acme, "ada2")
    answer = admin.post("/v1/admin/erase", {"user_id": "ada"})
    assert (answer.status_code, answer.json()) == (200, {"events": 2, "beliefs": 2, "episodes": 1})
    assert admin.get("/v1/beliefs/history/ada/city").json() == []
    assert totals(admin) == (2, 1, 1)
    assert admin.post("/v1/admin/erase", {"user_id": "ada"}).json() == {"events": 0, "beliefs": 0, "episodes": 0}


def test_no_row_of_the_user_is_left_in_any_table(admin: APIClient, acme: Tenant) -> None:
    fill(acme, "ada")
    before = rows_of(acme, "ada")
    assert set(before) == {"Event", "Belief", "Episode", "EndUser", "UnsettledSpan"}
    assert all(before.values())
    admin.post("/v1/admin/erase", {"user_id": "ada"})
    assert not any(rows_of(acme, "ada").values())


def rows_of(tenant: Tenant, user: str) -> dict[str, int]:
    """In each table of the memory that has a column for the end user."""
    counts = {}
    with tenant_transaction(tenant.id):
        for model in apps.get_app_config("memory").get_models():
            for column in {"user_id", "subject_id", "name"} & {field.name for field in model._meta.fields}:
                counts[model.__name__] = model._default_manager.filter(**{column: user}).count()
    return counts


def test_others_episodes_forget_the_events(admin: APIClient, acme: Tenant) -> None:
    of_ada, of_grace = make_event(acme, user_id="ada"), make_event(acme, user_id="grace")
    episode = make_episode(acme, user_id="grace", event_ids=[of_ada.id, of_grace.id])
    untouched = make_episode(acme, user_id="grace", event_ids=[of_grace.id])
    admin.post("/v1/admin/erase", {"user_id": "ada"})
    for left in (episode, untouched):
        assert admin.get(f"/v1/episodes/{left.id}").json()["event_ids"] == [str(of_grace.id)]


def test_another_tenants_user_of_the_same_name_stays(admin: APIClient, globex: Tenant, globex_admin: User) -> None:
    fill(globex, "ada")
    assert admin.post("/v1/admin/erase", {"user_id": "ada"}).json() == {"events": 0, "beliefs": 0, "episodes": 0}
    assert totals(client_for(globex_admin)) == (2, 1, 1)


@pytest.mark.parametrize("user", ["a%", "_da", "'; DROP TABLE memory_event; --", "%(tenant_id)s", "ad\\a", " ada"])
def test_a_name_is_taken_as_it_is(user: str, admin: APIClient, acme: Tenant) -> None:
    fill(acme, "ada")
    fill(acme, user)
    assert admin.post("/v1/admin/erase", {"user_id": user}).json() == {"events": 2, "beliefs": 2, "episodes": 1}
    assert totals(admin) == (2, 1, 1)


@pytest.mark.parametrize("body", [{}, {"user_id": ""}, {"user_id": None}, {"user_id": ["ada"]}, {"user_id": "x" * 256}])
def test_a_bad_user_is_refused(body: dict[str, Any], admin: APIClient, acme: Tenant) -> None:
    fill(acme, "ada")
    answer = admin.post("/v1/admin/erase", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "user_id")
    assert totals(admin) == (2, 1, 1)


def test_the_audit_log_keeps_counts_and_no_name(admin: APIClient, acme: Tenant) -> None:
    fill(acme, "ada@example.com")
    admin.post("/v1/admin/erase", {"user_id": "ada@example.com"})
    entry = AuditEntry.objects.get(tenant_id=acme.id, action="memory.erased")
    assert entry.after == {"events": 2, "beliefs": 2, "episodes": 1}
    assert entry.target_label.startswith("hmac-sha256:")
    assert "ada@example.com" not in str(vars(entry))


def test_the_pseudonym_tells_users_and_tenants_apart(admin: APIClient, acme: Tenant, globex_admin: User) -> None:
    for client, user in ((admin, "ada"), (admin, "ada"), (admin, "grace"), (client_for(globex_admin), "ada")):
        assert client.post("/v1/admin/erase", {"user_id": user}).status_code == 200
    labels = list(
        AuditEntry.objects.filter(action="memory.erased").order_by("at").values_list("target_label", flat=True)
    )
    assert labels[0] == labels[1]
    assert len(set(labels)) == 3
