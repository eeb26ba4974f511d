import re

import pytest
from rest_framework.test import APIClient

from accounts.models import Invitation, User
from tenants.models import AuditEntry, Tenant
from tests.factories import PASSWORD, make_invitation, make_user
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)
LINK = re.compile(r'<code id="secret">(http://[^<]+)</code>')
HOSTILE = ["<script>alert(1)</script>", "\u202eevil\u202c", "x" * 150, "{{ 7|add:7 }}", "\"'><img src=x>"]


@pytest.fixture
def ada(acme: Tenant) -> User:
    return make_user(acme, "editor", email="ada@acme.example", full_name="Ada King", password=PASSWORD)


def page_of(user: User) -> str:
    return f"/studio/members/{user.id}"


def test_people_and_open_invitations_are_listed(acme: Tenant, globex: Tenant, acme_admin: User, ada: User) -> None:
    make_user(globex, email="eve@globex.example")
    make_invitation(acme, email="new@acme.example")
    make_invitation(acme, email="gone@acme.example", revoked_at="2026-01-01T00:00:00Z")
    page = browser(acme_admin).get("/studio/members").content.decode()
    assert "ada@acme.example" in page
    assert "new@acme.example" in page
    assert "gone@acme.example" not in page
    assert "globex" not in page
    assert page.count(">you</span>") == 1


def test_many_people_come_in_pages(acme: Tenant, acme_admin: User) -> None:
    people = {make_user(acme).email for _ in range(60)} | {acme_admin.email}
    client, path, seen = browser(acme_admin), "/studio/members", set()
    for _ in range(2):
        page = client.get(path).content.decode().partition("<tbody>")[2]
        seen |= {email for email in people if f">{email}<" in page}
        path = "/studio/members" + page.partition('href="?')[2].partition('"')[0].join(["?", ""])
    assert seen == people


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_inert(name: str, acme: Tenant, acme_admin: User) -> None:
    person = make_user(acme, full_name=name)
    client = browser(acme_admin)
    for path in ("/studio/members", page_of(person), page_of(person) + "/remove", page_of(person) + "/reset"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert ">14<" not in page


def test_a_role_counts_from_the_next_click(acme_admin: User, ada: User) -> None:
    theirs, client = browser(ada), browser(acme_admin)
    assert theirs.get("/studio/members").status_code == 403
    done = submit(client, page_of(ada), follow=True, role="admin")
    assert "ada@acme.example is now admin." in done.content.decode()
    assert theirs.get("/studio/members").status_code == 200


def test_changing_the_role_leaves_the_rest(acme_admin: User, ada: User) -> None:
    submit(browser(acme_admin), page_of(ada), role="viewer")
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == ("viewer", True)


def test_an_unknown_role_is_told(acme_admin: User, ada: User) -> None:
    response = submit(browser(acme_admin), page_of(ada), role="owner")
    assert (response.status_code, "Choose one of the options" in response.content.decode()) == (422, True)


def test_who_is_deactivated_is_out_until_reactivated(acme_admin: User, ada: User) -> None:
    theirs, client = browser(ada), browser(acme_admin)
    submit(client, page_of(ada), is_active="false")
    assert theirs.get("/studio/").status_code == 302
    assert "deactivated" in client.get("/studio/members").content.decode()
    submit(client, page_of(ada), is_active="true")
    assert submit(browser(), "/studio/login", email="ada@acme.example", password=PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("suffix", "typed"),
    [("", {"role": "viewer"}), ("", {"is_active": "false"})],
)
def test_the_last_admin_stays(suffix: str, typed: dict[str, str], acme_admin: User, ada: User) -> None:
    response = submit(browser(acme_admin), page_of(acme_admin) + suffix, **typed)
    assert response.status_code == 409
    assert "last active admin. Make somebody else an admin first." in response.content.decode().replace("&#x27;", "'")
    acme_admin.refresh_from_db()
    assert (acme_admin.role, acme_admin.is_active) == ("admin", True)


def test_removing_the_last_admin_is_not_even_asked_for(acme_admin: User, ada: User) -> None:
    client, page = browser(acme_admin), page_of(acme_admin)
    opened = client.get(f"{page}/remove", follow=True)
    assert opened.redirect_chain == [(page, 302)]
    assert "last active admin. Make somebody else an admin first." in opened.content.decode().replace("&#x27;", "'")
    typed = main_form(client.get(page)) | {"confirm": acme_admin.email}
    assert client.post(f"{page}/remove", typed)["Location"] == page
    assert User.objects.filter(id=acme_admin.id).exists()


def test_an_admin_who_steps_down_is_shown_what_is_left(acme: Tenant, acme_admin: User) -> None:
    make_user(acme)
    done = submit(browser(acme_admin), page_of(acme_admin), follow=True, role="viewer")
    assert done.status_code == 200
    assert "is now viewer" in done.content.decode()


def test_a_reset_link_is_shown_once_and_works(acme_admin: User, ada: User, anonymous: APIClient) -> None:
    client = browser(acme_admin)
    response = submit(client, page_of(ada) + "/reset")
    (link,) = LINK.findall(response.content.decode())
    assert "no-store" in response["Cache-Control"]
    token = link.partition("#")[2]
    for path in ("/studio/members", page_of(ada), page_of(ada) + "/reset", "/studio/audit"):
        assert token not in client.get(path).content.decode()
    assert not AuditEntry.objects.filter(after__icontains=token).exists()
    body = {"token": token, "new_password": "eighteen green herons"}
    assert anonymous.post("/v1/auth/password-reset/confirm", body).status_code == 200


def test_sending_a_form_twice_makes_one_link(acme_admin: User, ada: User) -> None:
    client, path = browser(acme_admin), page_of(ada) + "/reset"
    typed = main_form(client.get(path))
    first, again = client.post(path, typed), client.post(path, typed)
    assert LINK.search(first.content.decode())
    assert (again.status_code, LINK.search(again.content.decode())) == (409, None)
    assert ada.reset_tokens.count() == 1


def test_there_is_no_reset_link_for_who_is_deactivated(acme: Tenant, acme_admin: User) -> None:
    gone = make_user(acme, is_active=False)
    response = submit(browser(acme_admin), page_of(gone) + "/reset")
    assert (response.status_code, "Reactivate them first." in response.content.decode()) == (409, True)


def test_removing_asks_for_the_address(acme: Tenant, acme_admin: User, ada: User) -> None:
    client, path = browser(acme_admin), page_of(ada) + "/remove"
    wrong = submit(client, path, confirm="ada@acme.exampl")
    assert (wrong.status_code, "This is not the e-mail address." in wrong.content.decode()) == (422, True)
    done = submit(client, path, follow=True, confirm=" Ada@acme.example ")
    assert "ada@acme.example was removed." in done.content.decode()
    assert not User.objects.filter(id=ada.id).exists()


def test_who_removes_themselves_is_signed_out(acme: Tenant, acme_admin: User) -> None:
    make_user(acme)
    done = submit(browser(acme_admin), page_of(acme_admin) + "/remove", follow=True, confirm=acme_admin.email)
    assert done.request["PATH_INFO"] == "/studio/login"


def test_an_invitation_is_shown_once_and_lets_in(acme_admin: User) -> None:
    client = browser(acme_admin)
    response = submit(client, "/studio/members/invite", email="New@acme.example", role="viewer")
    page = response.content.decode()
    (link,) = LINK.findall(page)
    assert "This server doesn't send e-mail" in page
    token = link.partition("#")[2]
    assert token not in client.get("/studio/members").content.decode()
    joined = submit(browser(), "/studio/invitation", token=token, full_name="New", password=PASSWORD)
    assert joined["Location"] == "/studio/#content"
    assert User.objects.get(email="new@acme.example").role == "viewer"


@pytest.mark.parametrize(
    ("email", "role", "status", "sentence"),
    [
        ("nobody", "viewer", 422, "Enter a valid email address."),
        ("", "viewer", 422, "Fill in this field."),
        ("new@acme.example", "", 422, "Choose one of the options"),
        ("new@acme.example", "owner", 422, "Choose one of the options"),
        ("admin@acme.example", "viewer", 409, "has an account"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_told(
    email: str, role: str, status: int, sentence: str, acme_admin: User
) -> None:
    response = submit(browser(acme_admin), "/studio/members/invite", email=email, role=role)
    assert (response.status_code, sentence in response.content.decode()) == (status, True)
    assert not Invitation.objects.exists()


def test_a_revoked_invitation_is_refused(acme: Tenant, acme_admin: User) -> None:
    invitation = make_invitation(acme, token="a-token", email="new@acme.example")
    client, path = browser(acme_admin), f"/studio/invitations/{invitation.id}/revoke"
    assert "was revoked" in submit(client, path, follow=True).content.decode()
    refused = submit(browser(), "/studio/invitation", token="a-token", full_name="New", password=PASSWORD)
    assert refused.status_code == 422
    again = submit(client, path)
    assert (again.status_code, "already been accepted or revoked" in again.content.decode()) == (409, True)


def test_a_form_of_another_workspace_finds_nobody(globex_admin: User, ada: User, acme: Tenant) -> None:
    client = browser(globex_admin)
    typed = main_form(client.get("/studio/members/invite"))
    invitation = make_invitation(acme)
    paths = [page_of(ada), page_of(ada) + "/reset", page_of(ada) + "/remove"]
    for path in [*paths, f"/studio/invitations/{invitation.id}/revoke"]:
        sent = typed | {"role": "viewer", "confirm": ada.email}
        assert client.post(path, sent).status_code == 404
    assert User.objects.filter(id=ada.id, role="editor").exists()
    assert Invitation.objects.get().revoked_at is None
