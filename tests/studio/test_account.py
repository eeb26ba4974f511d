import pytest

from accounts.models import Session, User
from studio import cookies
from tenants.models import Tenant
from tests.factories import PASSWORD, make_session, make_user
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "eighteen green herons"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"


@pytest.fixture
def ada(acme: Tenant) -> User:
    return make_user(acme, "viewer", email="ada@acme.example", password=PASSWORD)


def test_the_name_is_changed(ada: User) -> None:
    client = browser(ada)
    done = submit(client, "/studio/account", follow=True, full_name="Ada King")
    assert "Your name was changed." in done.content.decode()
    assert 'value="Ada King"' in done.content.decode()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "Fill in this field."), ("x" * 151, "At most 150 characters."), ("a\x07b", "Control characters")],
)
def test_a_bad_name_is_told(name: str, sentence: str, ada: User) -> None:
    response = submit(browser(ada), "/studio/account", full_name=name)
    assert (response.status_code, sentence in response.content.decode()) == (422, True)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eevil", "x" * 150])
def test_a_hostile_name_is_inert(name: str, ada: User) -> None:
    page = submit(browser(ada), "/studio/account", follow=True, full_name=name).content.decode()
    assert "<script>alert" not in page


def test_a_new_password_ends_the_other_sessions(ada: User) -> None:
    here, there = browser(ada), browser(ada)
    done = submit(here, "/studio/account/password", follow=True, current_password=PASSWORD, new_password=NEW)
    assert "1 other session was ended." in done.content.decode()
    assert here.get("/studio/account").status_code == 200
    assert there.get("/studio/account").status_code == 302
    assert submit(browser(), "/studio/login", email=ada.email, password=NEW).status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "sentence"),
    [
        ("wrong horse", NEW, "This is not your password."),
        (PASSWORD, PASSWORD, "This is the same as the current password."),
        (PASSWORD, "short", "A password has 8 to 1,024 characters."),
        (PASSWORD, "", "Fill in this field."),
    ],
)
def test_a_bad_password_is_told_and_shown_nowhere(current: str, new: str, sentence: str, ada: User) -> None:
    response = submit(browser(ada), "/studio/account/password", current_password=current, new_password=new)
    page = response.content.decode()
    assert (response.status_code, sentence in page) == (422, True)
    assert f'"{current}"' not in page
    assert new == "" or f'"{new}"' not in page


def test_guessing_the_password_is_limited(ada: User) -> None:
    client = browser(ada)
    answers = [
        submit(client, "/studio/account/password", current_password=f"wrong {n}", new_password=NEW) for n in range(11)
    ]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_sessions_are_listed_with_this_device(ada: User, acme_admin: User) -> None:
    make_session(ada, agent=CHROME, ip="192.0.2.7")
    make_session(ada, agent="<b>bot</b>/1.0")
    make_session(acme_admin, agent="of another")
    page = browser(ada).get("/studio/account").content.decode()
    assert page.count("this device") == 1
    assert "Chrome on Linux" in page
    assert "192.0.2.7" in page
    assert "<b>bot" not in page
    assert "of another" not in page


def test_one_session_is_ended(ada: User) -> None:
    here, there = browser(ada), browser(ada)
    other = Session.objects.filter(user=ada).latest("id")
    page = here.get("/studio/account")
    assert f'name="session" value="{other.id}"' in page.content.decode()
    typed = main_form(page) | {"session": str(other.id)}
    done = here.post("/studio/account/sessions", typed, follow=True)
    assert "The session was ended." in done.content.decode()
    assert there.get("/studio/account").status_code == 302
    again = here.post("/studio/account/sessions", typed, follow=True)
    assert "already been sent" in again.content.decode()


def test_the_others_are_ended(ada: User) -> None:
    here, others = browser(ada), [browser(ada), browser(ada)]
    typed = main_form(here.get("/studio/account"))
    done = here.post("/studio/account/sessions", typed, follow=True)
    assert "2 other sessions were ended." in done.content.decode()
    assert [other.get("/studio/").status_code for other in others] == [302, 302]


@pytest.mark.parametrize("session", ["nothing", "01900000-0000-7000-8000-000000000000", "\0", "x" * 500, "theirs"])
def test_what_is_no_session_of_ones_own_ends_nothing(session: str, ada: User, acme_admin: User) -> None:
    theirs = make_session(acme_admin)
    client = browser(ada)
    typed = main_form(client.get("/studio/account")) | {"session": str(theirs.id) if session == "theirs" else session}
    done = client.post("/studio/account/sessions", typed, follow=True)
    assert "ended." not in done.content.decode()
    assert not Session.objects.exclude(ended_at=None).exists()


def test_who_is_asked_to_sign_in_again_types_passwords_anew(ada: User) -> None:
    client = browser(ada)
    typed = main_form(client.get("/studio/account/password")) | {"current_password": PASSWORD, "new_password": NEW}
    client.cookies[cookies.NAME] = "x"
    asked = client.post("/studio/account/password", typed)
    assert asked.status_code == 401
    assert NEW not in asked.content.decode()
    assert PASSWORD not in asked.content.decode()
