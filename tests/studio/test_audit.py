import csv
import io

import pytest

from accounts.models import User
from studio.audit_sentences import ACTIONS, ACTORS
from tenants.actor import ActorKind
from tenants.audit.actions import Action
from tenants.audit.log import Target
from tenants.models import AuditEntry, Tenant
from tests.studio.browsing import browser
from tests.tenants.test_audit_api import act

pytestmark = pytest.mark.django_db(transaction=True)
HOSTILE = ["<script>alert(1)</script>", "\u202eevil\u202c", "x" * 254, "\"'><img src=x>", "a&b=c#d"]


def test_every_action_and_actor_has_its_words() -> None:
    assert set(ACTIONS) == set(Action.values)
    assert set(ACTORS) == set(ActorKind.values)


def test_rows_are_shown_in_words_with_the_number_of_the_last(acme: Tenant, globex: Tenant, acme_admin: User) -> None:
    act(acme, "ada@acme.example", Action.KEY_ROTATED, target=Target(acme.id, "agent"), after={"grace": 60})
    act(globex, "eve@globex.example")
    page = browser(acme_admin).get("/studio/audit").content.decode()
    assert "Rotated a key" in page
    assert "&quot;grace&quot;: 60" in page
    assert "eve@globex.example" not in page
    assert "The latest row is number 1." in page


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_inert_and_can_be_filtered_by(label: str, acme: Tenant, acme_admin: User) -> None:
    act(acme, label, target=Target(acme.id, label), before={label: label})
    act(acme, "another")
    client = browser(acme_admin)
    page = client.get("/studio/audit").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    found = client.get("/studio/audit", {"actor": label}).content.decode()
    assert found.count("<summary>Changed a key</summary>") == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("actor=ada", {"ada"}),
        ("action=key.revoked", {"grace"}),
        ("since=2020-01-01T00:00&until=", {"ada", "grace"}),
        ("until=2020-01-01T00:00", set()),
        ("actor=&action=&since=&until=", {"ada", "grace"}),
    ],
)
def test_filters_choose(query: str, shown: set[str], acme: Tenant, acme_admin: User) -> None:
    act(acme, "ada", Action.KEY_CREATED)
    act(acme, "grace", Action.KEY_REVOKED)
    page = browser(acme_admin).get(f"/studio/audit?{query}").content.decode()
    assert {name for name in ("ada", "grace") if f'class="cut">{name}</a>' in page} == shown
    assert ("No matching rows" in page) is (not shown)


@pytest.mark.parametrize("query", ["action=x", "since=yesterday", "until=0", "actor=%00", "cursor=x", "cursor=%00"])
def test_a_bad_filter_is_a_sentence(query: str, acme: Tenant, acme_admin: User) -> None:
    act(acme, "ada")
    response = browser(acme_admin).get(f"/studio/audit?{query}")
    page = response.content.decode()
    assert (response.status_code, 'role="alert"' in page) == (422, True)
    assert ">ada</a>" not in page


def test_older_rows_come_by_cursor_under_the_same_filter(acme: Tenant, acme_admin: User) -> None:
    for number in range(55):
        act(acme, f"actor {number}", Action.KEY_CREATED)
        act(acme, "another", Action.KEY_REVOKED)
    client = browser(acme_admin)
    first = client.get("/studio/audit?action=key.created").content.decode()
    link = first.partition('href="?action=key.created&amp;cursor=')[2].partition('"')[0]
    second = client.get(f"/studio/audit?action=key.created&cursor={link}").content.decode()
    assert [second.count(f">actor {number}</a>") for number in range(6)] == [1, 1, 1, 1, 1, 0]
    assert ">another<" not in second
    assert '<a class="button" href="/studio/audit?action=key.created">Newest</a>' in second


def test_the_file_is_the_apis_with_the_same_filters(acme: Tenant, acme_admin: User) -> None:
    act(acme, "ada", Action.KEY_CREATED)
    act(acme, "grace", Action.KEY_REVOKED)
    client = browser(acme_admin)
    page = client.get("/studio/audit?action=key.revoked&actor=").content.decode()
    assert 'href="/studio/audit.csv?action=key.revoked"' in page
    response = client.get("/studio/audit.csv?action=key.revoked&actor=")
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert [row["action"] for row in rows] == ["key.revoked", "head"]
    assert "attachment" in response["Content-Disposition"]
    assert AuditEntry.objects.get(action="audit.exported").after == {"filters": {"action": "key.revoked"}}


def test_a_file_with_a_bad_filter_is_refused(acme_admin: User) -> None:
    assert browser(acme_admin).get("/studio/audit.csv?action=x").status_code == 422
    assert not AuditEntry.objects.exists()
