import re

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.models import User
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.factories import key_client, make_belief, make_user
from tests.studio.browsing import browser, main_form, submit
from tests.studio.names import HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)
TYPED = {"value": "London", "confidence": "0.5", "belief_type": "fact", "domain": ""}


def page(user: User, path: str, **query: str) -> str:
    response = browser(user).get(path, query)
    assert response.status_code == 200
    return str(response.content.decode())


def versions(tenant: Tenant) -> list[tuple[str, str]]:
    with tenant_transaction(tenant.id):
        return list(Belief.objects.for_tenant(tenant.id).order_by("id").values_list("value", "status"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"London", "tea", "cat"}),
        ({"subject_id": "ada"}, {"London", "tea"}),
        ({"domain": "food"}, {"tea"}),
        ({"belief_type": "preference"}, {"tea", "cat"}),
        ({"subject_id": "Ada"}, set()),
    ],
)
def test_the_list_shows_active_ones_and_narrows(
    query: dict[str, str], found: set[str], acme: Tenant, acme_viewer: User
) -> None:
    make_belief(acme, value="Leeds")
    make_belief(acme, confidence=0.876)
    make_belief(acme, key="drink", value="tea", belief_type="preference", domain="food")
    make_belief(acme, subject_id="bob", key="pet", value="cat", belief_type="preference")
    content = page(acme_viewer, "/studio/beliefs", **query)
    values = re.findall(r'<span class="cut" dir="auto">(\w+)<', content)
    assert set(values) == found
    assert ("88 %" in content) == ("London" in found)


def test_a_bad_filter_and_an_empty_list_are_said(acme_viewer: User) -> None:
    response = browser(acme_viewer).get("/studio/beliefs", {"belief_type": "rumour"})
    assert (response.status_code, "<strong>Type</strong>:" in response.content.decode()) == (422, True)
    assert "POST /v1/beliefs" in page(acme_viewer, "/studio/beliefs")


def test_beliefs_of_one_key(acme: Tenant, acme_admin: User) -> None:
    client = key_client(acme, name="agent")
    made = client.post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": "Oslo"}).json()
    make_belief(acme, key="pet", value="cat")
    content = page(acme_admin, "/studio/beliefs", written_by_key=made["written_by_key"])
    assert "Oslo" in content
    assert ">cat<" not in content
    assert f'<option value="{made["written_by_key"]}" selected>agent</option>' in content


def test_the_history_tells_every_version(acme: Tenant, acme_viewer: User) -> None:
    old = make_belief(acme, value="Leeds")
    key_client(acme, name="agent").post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": "London"})
    make_belief(acme, key="pet", value="cat")
    content = page(acme_viewer, f"/studio/beliefs/{old.id}")
    history = content.partition('id="history-title"')[2]
    assert re.findall(r'class="cut" dir="auto">(\w+)<', history) == ["London", "Leeds"]
    assert re.findall(r'class="badge \w*">(\w+)<', history) == ["active", "superseded"]
    assert "agent" in history
    assert "This value was replaced" in content


def test_a_long_history_has_pages(acme: Tenant, acme_viewer: User) -> None:
    for number in range(60):
        belief = make_belief(acme, value=f"value{number}")
    client = browser(acme_viewer)
    newest = client.get(f"/studio/beliefs/{belief.id}").content.decode()
    (link,) = re.findall(r'href="(\?cursor=[^"]+)">Older<', newest)
    oldest = client.get(f"/studio/beliefs/{belief.id}{link}").content.decode()
    shown = re.findall(r'class="cut" dir="auto">(\w+)<', newest + oldest)
    assert shown == [f"value{number}" for number in reversed(range(60))]


def test_only_who_may_write_is_offered_to(acme: Tenant, acme_viewer: User, acme_editor: User) -> None:
    belief = make_belief(acme)
    for user, offered in ((acme_viewer, False), (acme_editor, True)):
        content = page(user, f"/studio/beliefs/{belief.id}")
        assert (f"/studio/beliefs/{belief.id}/edit" in content) == offered
        assert (f"/studio/beliefs/{belief.id}/forget" in content) == offered


@pytest.mark.parametrize("path", ["edit", "forget"])
def test_a_viewer_changes_nothing(path: str, acme: Tenant, acme_viewer: User, acme_editor: User) -> None:
    belief = make_belief(acme)
    typed = main_form(browser(acme_editor).get(f"/studio/beliefs/{belief.id}/{path}"))
    client = browser(acme_viewer)
    token = client.get("/studio/").content.decode().partition('name="csrfmiddlewaretoken" value="')[2][:64]
    form = {**typed, **TYPED, "value": "Oslo", "soft": "true", "csrfmiddlewaretoken": token}
    assert client.post(f"/studio/beliefs/{belief.id}/{path}", form).status_code == 403
    assert versions(acme) == [("London", "active")]


def test_another_value_is_a_new_version(acme: Tenant, acme_editor: User) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    typed = {**TYPED, "value": "Oslo\r\nNorway", "confidence": "0.25", "domain": "life"}
    response = submit(client, f"/studio/beliefs/{belief.id}/edit", **typed)
    assert versions(acme) == [("London", "superseded"), ("Oslo\nNorway", "active")]
    shown = client.get(response["Location"]).content.decode()
    assert "Saved as a new version." in shown
    assert "25 %" in shown
    assert acme_editor.full_name in shown


@pytest.mark.parametrize("value", ["one\ntwo", "one\r\ntwo", "\nstarts late", " spaces "])
def test_what_was_not_touched_stays_to_the_letter(value: str, acme: Tenant, acme_editor: User) -> None:
    belief = make_belief(acme, value=value, confidence=0.1234567)
    client = browser(acme_editor)
    content = client.get(f"/studio/beliefs/{belief.id}/edit").content.decode()
    shown = re.search(r"<textarea[^>]*>\n(.*)</textarea>", content, re.DOTALL)
    assert shown
    sent = re.sub(r"\r?\n", "\r\n", shown[1])  # as browsers do
    assert 'value="0.1234567"' in content
    submit(client, f"/studio/beliefs/{belief.id}/edit", **{**TYPED, "value": sent, "confidence": "0.9"})
    assert versions(acme) == [(value, "active")]


def test_a_form_is_sent_once(acme: Tenant, acme_editor: User) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/edit"
    typed = main_form(client.get(path)) | TYPED | {"value": "Oslo"}
    assert client.post(path, typed).status_code == 302
    again = client.post(path, typed)
    assert (again.status_code, "already been sent" in again.content.decode()) == (409, True)
    assert len(versions(acme)) == 2


@pytest.mark.parametrize(
    ("field", "value"), [("value", ""), ("confidence", "1.5"), ("confidence", "sure"), ("belief_type", "rumour")]
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    field: str, value: str, acme: Tenant, acme_editor: User
) -> None:
    belief = make_belief(acme)
    typed = {**TYPED, "domain": "typed domain", field: value}
    response = submit(browser(acme_editor), f"/studio/beliefs/{belief.id}/edit", **typed)
    content = response.content.decode()
    assert (response.status_code, "typed domain" in content, 'class="fault"' in content) == (422, True, True)
    assert versions(acme) == [("London", "active")]


def test_what_an_agent_learned_meanwhile_is_not_overwritten_unseen(
    acme: Tenant, acme_editor: User, editor_key: APIClient
) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/edit"
    typed = main_form(client.get(path)) | TYPED | {"domain": "life"}
    editor_key.patch(f"/v1/beliefs/{belief.id}", {"confidence": 0.99})
    wrong = client.post(path, typed | {"confidence": "2"})
    assert wrong.status_code == 422
    refused = client.post(path, typed | main_form(wrong))
    assert (refused.status_code, "while this form was open" in refused.content.decode()) == (409, True)
    assert "(99 %, fact)" in refused.content.decode()
    again = client.post(path, typed | main_form(refused))
    assert again.status_code == 302
    assert editor_key.get(f"/v1/beliefs/{belief.id}").json()["confidence"] == 0.5


def form_action(page: HttpResponse) -> str:
    return page.content.decode().partition('<form class="fields" method="post" action="')[2].partition('"')[0]


def test_what_was_typed_over_a_newer_version_is_saved_on_that(acme: Tenant, acme_editor: User) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/edit"
    typed = main_form(client.get(path)) | TYPED | {"value": "Oslo"}
    agent = key_client(acme, name="the agent")
    newer = agent.post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": "Rome"}).json()
    refused = client.post(path, typed)
    content = refused.content.decode()
    assert (refused.status_code, content.count('class="notice')) == (409, 1)
    assert "the agent" in content
    assert f'href="/studio/beliefs/{newer["id"]}">Rome</a>' in content
    assert "Oslo</textarea>" in content
    again = client.post(form_action(refused), typed | main_form(refused), follow=True)
    assert "Saved as a new version." in again.content.decode()
    assert versions(acme) == [("London", "superseded"), ("Rome", "superseded"), ("Oslo", "active")]


def test_what_was_typed_over_a_deactivated_version_can_be_copied(
    acme: Tenant, acme_editor: User, editor_key: APIClient
) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/edit"
    typed = main_form(client.get(path)) | TYPED | {"value": "Oslo"}
    editor_key.delete(f"/v1/beliefs/{belief.id}?soft=true")
    refused = client.post(path, typed)
    content = refused.content.decode()
    assert refused.status_code == 409
    assert "This belief was deactivated" in content
    assert "Oslo</textarea>" in content
    assert ">Save" not in content
    assert client.get(path)["Location"] == f"/studio/beliefs/{belief.id}"


def test_editing_an_old_version_leads_to_the_active_one(acme: Tenant, acme_editor: User) -> None:
    old = make_belief(acme, value="Leeds")
    active = make_belief(acme)
    client = browser(acme_editor)
    assert f"/studio/beliefs/{old.id}/edit" not in client.get(f"/studio/beliefs/{old.id}").content.decode()
    opened = client.get(f"/studio/beliefs/{old.id}/edit", follow=True)
    assert opened.redirect_chain == [(f"/studio/beliefs/{active.id}/edit", 302)]
    assert "This is the active version." in opened.content.decode()


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_inert(name: str, acme: Tenant) -> None:
    user = make_user(acme, Role.EDITOR)
    belief = make_belief(acme, subject_id=name, key=name, value=name, domain=name)
    for path in ("", f"/{belief.id}", f"/{belief.id}/edit", f"/{belief.id}/forget"):
        content = page(user, f"/studio/beliefs{path}")
        assert "<img src=x" not in content
        assert "<script>alert" not in content
    done = submit(browser(user), f"/studio/beliefs/{belief.id}/forget", soft="false", confirm=name)
    assert done.status_code == 302
    assert versions(acme) == []
