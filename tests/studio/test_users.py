import re

import pytest

from accounts.models import User
from memory.models import Belief, Episode, Event
from memory.transactions import tenant_transaction
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant
from tests.factories import make_belief, make_episode, make_event
from tests.studio.browsing import browser, main_form
from tests.studio.names import HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)
TOTALS = re.compile(r"<dt>([\w ]+)</dt><dd>([\w, ]+)</dd></div>")


def page(user: User, name: str) -> str:
    response = browser(user).get("/studio/user", {"id": name})
    assert response.status_code == 200
    return str(response.content.decode())


def remembered(tenant: Tenant) -> list[int]:
    with tenant_transaction(tenant.id):
        return [model.objects.for_tenant(tenant.id).count() for model in (Event, Belief, Episode)]


def remember(tenant: Tenant, name: str) -> None:
    make_event(tenant, user_id=name, thread_id="a thread", content={"text": "an event"})
    make_event(tenant, user_id=name)
    make_belief(tenant, subject_id=name, value="Leeds")
    make_belief(tenant, subject_id=name, value="London")
    make_episode(tenant, user_id=name, summary="an episode")


def test_everything_known_about_an_end_user(acme: Tenant, acme_viewer: User) -> None:
    remember(acme, "ada")
    remember(acme, "bob")
    content = page(acme_viewer, "ada")
    assert dict(TOTALS.findall(content)) == {
        "Events": "2",
        "Active beliefs": "1",
        "Belief versions": "2",
        "Episodes": "1",
    }
    now, _, then = content.partition('id="timeline-title"')
    assert re.findall(r'class="cut" dir="auto">(\w+)<', now) == ["London"]
    assert re.findall(r'class="cut" dir="auto">(\w+)<', then) == ["London", "Leeds"]
    for shown in ("an event", "an episode", "/studio/events?thread_id=a+thread", 'name="user_id" value="ada"'):
        assert shown in content


def test_of_whom_nothing_is_known(acme: Tenant, acme_viewer: User, globex: Tenant) -> None:
    remember(globex, "ada")
    assert "No data about this end user" in page(acme_viewer, "ada")


@pytest.mark.parametrize("query", [{}, {"id": ""}, {"id": "x" * 256}, {"id": "a\0b"}])
@pytest.mark.parametrize("path", ["/studio/user", "/studio/user/erase"])
def test_what_is_no_name_is_not_found(path: str, query: dict[str, str], acme_admin: User) -> None:
    assert browser(acme_admin).get(path, query).status_code == 404


def test_counts_have_a_bound(acme: Tenant, acme_viewer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.end_user.MOST_COUNTED", 2)
    for _ in range(4):
        make_event(acme)
    assert dict(TOTALS.findall(page(acme_viewer, "ada")))["Events"] == "over 2"


def test_old_active_beliefs_are_not_hidden_by_new_versions(acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme, key="pet", value="cat")
    for number in range(55):
        make_belief(acme, value=f"city{number}")
    now, _, then = page(acme_viewer, "ada").partition('id="timeline-title"')
    assert set(re.findall(r'class="cut" dir="auto">(\w+)<', now)) == {"cat", "city54"}
    assert len(re.findall(r'class="cut" dir="auto">city\d+<', then)) == 50


def test_only_an_admin_is_offered_to_erase(acme: Tenant, acme_admin: User, acme_editor: User) -> None:
    make_event(acme)
    assert "/studio/user/erase?id=ada" in page(acme_admin, "ada")
    assert "/studio/user/erase" not in page(acme_editor, "ada")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_erasing_a_name_of_any_kind(name: str, acme: Tenant, acme_admin: User) -> None:
    remember(acme, name)
    remember(acme, "bystander")
    client = browser(acme_admin)
    shown = client.get("/studio/user", {"id": name})
    (link,) = re.findall(r'href="(/studio/user/erase[^"]+)"', shown.content.decode())
    asked = client.get(link)
    for content in (shown.content.decode(), asked.content.decode()):
        assert "<img src=x" not in content
        assert "<script>alert" not in content
    typed = re.sub(r"[\r\n]", "", name)  # all that a text field keeps
    done = client.post(link, main_form(asked) | {"confirm": typed}, follow=True)
    assert "Permanently erased: 2 events, 2 belief versions, 1 episode." in done.content.decode()
    assert "No data about this end user" in done.content.decode()
    assert remembered(acme) == [2, 2, 1]


def test_erasing_is_audited_without_the_name(acme: Tenant, acme_admin: User) -> None:
    remember(acme, "ada")
    client = browser(acme_admin)
    path = "/studio/user/erase?id=ada"
    client.post(path, main_form(client.get(path)) | {"confirm": "ada"})
    (row,) = AuditEntry.objects.filter(action=Action.MEMORY_ERASED)
    assert (row.actor_label, row.after) == (acme_admin.email, {"events": 2, "beliefs": 2, "episodes": 1})
    assert "ada" not in row.target_label


@pytest.mark.parametrize("confirm", ["", "Ada", "bob", "ada\0"])
def test_another_name_erases_nothing(confirm: str, acme: Tenant, acme_admin: User) -> None:
    remember(acme, "ada")
    client = browser(acme_admin)
    path = "/studio/user/erase?id=ada"
    refused = client.post(path, main_form(client.get(path)) | {"confirm": confirm})
    assert refused.status_code == 422
    assert remembered(acme) == [2, 2, 1]


def test_erasing_twice_with_one_form_has_one_effect(acme: Tenant, acme_admin: User) -> None:
    make_event(acme)
    client = browser(acme_admin)
    path = "/studio/user/erase?id=ada"
    typed = main_form(client.get(path)) | {"confirm": "ada"}
    assert client.post(path, typed).status_code == 302
    make_event(acme)
    again = client.post(path, typed)
    assert (again.status_code, "already been sent" in again.content.decode()) == (409, True)
    assert remembered(acme) == [1, 0, 0]


def test_an_editor_erases_nothing(acme: Tenant, acme_editor: User) -> None:
    make_event(acme)
    client = browser(acme_editor)
    token = client.get("/studio/").content.decode().partition('name="csrfmiddlewaretoken" value="')[2][:64]
    response = client.post("/studio/user/erase?id=ada", {"csrfmiddlewaretoken": token, "confirm": "ada"})
    assert response.status_code == 403
    assert remembered(acme) == [1, 0, 0]
