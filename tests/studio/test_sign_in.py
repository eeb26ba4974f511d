import pytest
from django.test import Client

from accounts.models import Session, User
from studio import cookies
from tenants.models import Tenant
from tests.factories import PASSWORD, make_token, make_user
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)
SIGN_UP = {
    "cluster_name": "Initech",
    "full_name": "Peter Gibbons",
    "email": "peter@initech.example",
    "password": PASSWORD,
}


@pytest.fixture
def ada(acme: Tenant) -> User:
    return make_user(acme, email="ada@acme.example", password=PASSWORD)


def test_signing_in_keeps_the_token_where_no_script_reads_it(ada: User) -> None:
    client = browser()
    response = submit(client, "/studio/login", email="ada@acme.example", password=PASSWORD)
    assert (response.status_code, response["Location"]) == (302, "/studio/")
    cookie = response.cookies[cookies.NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert client.get("/studio/").status_code == 200


def test_a_wrong_password_is_told_and_what_was_typed_stays(ada: User) -> None:
    response = submit(browser(), "/studio/login", email="ada@acme.example", password="wrong")
    assert response.status_code == 401
    page = response.content.decode()
    assert "The e-mail address or the password is wrong." in page
    assert 'value="ada@acme.example"' in page
    assert "wrong" not in page.replace("is wrong", "")


@pytest.mark.parametrize("wanted", ["/studio/", "/studio/keys", "/studio/keys?sort=name&name=%C3%A9"])
def test_next_leads_on_to_a_page(wanted: str, ada: User) -> None:
    client = browser()
    page = client.get("/studio/login", {"next": wanted})
    typed = main_form(page) | {"email": "ada@acme.example", "password": PASSWORD}
    assert client.post("/studio/login", typed)["Location"] == wanted


OPEN_REDIRECTS = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/studio/\\evil.example",
    "/studio\\@evil.example",
    "/studiox.evil.example",
    "/studio",
    "http:///evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "/studio/\r\nSet-Cookie: a=b",
    "/studio/\tx",
    " /studio/",
    "/admin/",
    "/v1/stats",
    "%2f%2fevil.example",
    "/studio/login/../../..//evil.example",
    "/studio/%2e%2e/admin/",
    "/studio/%2E./admin/",
    "/studio/..%2fadmin/",
    "/studio/.%2E/.%2e/docs",
    "/studio/..%2f..%2f/evil.example",
    "/studio/\u2044\u2044evil.example",
    "\u3000//evil.example",
    "/\t/evil.example",
    "data:text/html,<script>alert(1)</script>",
    "",
]


@pytest.mark.parametrize("wanted", OPEN_REDIRECTS)
def test_next_leads_to_no_other_place(wanted: str, ada: User) -> None:
    client = browser()
    page = client.get("/studio/login", {"next": wanted})
    typed = main_form(page) | {"email": "ada@acme.example", "password": PASSWORD, "next": wanted}
    assert client.post("/studio/login", typed)["Location"] == "/studio/"
    assert client.get("/studio/login", {"next": wanted})["Location"] == "/studio/"


def test_who_is_signed_in_goes_on_at_once(acme_admin: User) -> None:
    assert browser(acme_admin).get("/studio/login")["Location"] == "/studio/"


def test_signing_out_ends_the_session(acme_admin: User) -> None:
    client = browser(acme_admin)
    token = client.cookies[cookies.NAME].value
    csrf = client.get("/studio/").content.decode().partition('name="csrfmiddlewaretoken" value="')[2][:64]
    response = client.post("/studio/logout", {"csrfmiddlewaretoken": csrf})
    assert response["Location"] == "/studio/login"
    assert client.get("/studio/").status_code == 302
    kept = Client()
    kept.cookies[cookies.NAME] = token
    assert kept.get("/studio/").status_code == 302


def test_a_form_whose_session_has_ended_is_not_lost(ada: User) -> None:
    client = browser(ada)
    page = client.get("/studio/keys/new")
    typed = main_form(page) | {"name": "my <b>key</b>", "role": "viewer", "lifetime": "30", "password": "secret"}
    Session.objects.update(ended_at="2026-01-01T00:00:00Z")
    asked = client.post("/studio/keys/new", typed)
    assert asked.status_code == 401
    assert "secret" not in asked.content.decode()
    again = client.post("/studio/login", main_form(asked) | {"email": "ada@acme.example", "password": PASSWORD})
    assert again.status_code == 200
    assert "my &lt;b&gt;key&lt;/b&gt;" in again.content.decode()
    sent = client.post("/studio/keys/new", main_form(again))
    assert "mg_live_" in sent.content.decode()
    assert list(ada.tenant.api_keys.values_list("name", "role")) == [("my <b>key</b>", "viewer")]


def test_a_form_of_the_session_before_is_refused(ada: User) -> None:
    client = browser()
    before = main_form(client.get("/studio/login"))
    submit(client, "/studio/login", email="ada@acme.example", password=PASSWORD)
    assert client.post("/studio/keys/new", before | {"name": "k"}).status_code == 403


def test_signing_up_shows_the_first_key_once(anonymous: Client) -> None:
    client = browser()
    response = submit(client, "/studio/signup", **SIGN_UP)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    page = response.content.decode()
    key = page.partition('<code id="secret">')[2].partition("<")[0]
    assert anonymous.get("/v1/auth/whoami", HTTP_X_API_KEY=key).json()["tenant_name"] == "Initech"
    overview = client.get("/studio/").content.decode()
    assert "Three steps to your first memory" in overview
    assert key not in overview


def test_signing_up_twice_with_one_form_makes_one_workspace() -> None:
    client = browser()
    typed = main_form(client.get("/studio/signup")) | SIGN_UP
    first = client.post("/studio/signup", typed)
    assert first.status_code == 200
    client = browser()
    client.cookies["csrf"] = first.wsgi_request.COOKIES["csrf"]
    again = client.post("/studio/signup", typed)
    assert (again.status_code, "already been sent" in again.content.decode()) == (409, True)
    assert Tenant.objects.count() == 1


def test_reloading_after_sign_up_says_what_is_made() -> None:
    client = browser()
    typed = main_form(client.get("/studio/signup")) | SIGN_UP
    client.post("/studio/signup", typed)
    again = client.post("/studio/signup", typed | {"email": "Peter@Initech.example"})
    page = again.content.decode()
    assert again.status_code == 200
    assert "Your workspace is ready" in page
    assert 'href="/studio/keys/new">Create another key</a>' in page
    assert "mg_live_" not in page
    assert Tenant.objects.count() == 1


def test_signing_up_checks_its_token(ada: User) -> None:
    for client in (browser(), browser(ada)):
        typed = main_form(client.get("/studio/signup")) | SIGN_UP | {"csrfmiddlewaretoken": "x" * 64}
        assert client.post("/studio/signup", typed).status_code == 403
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("email", "nobody", "Enter a valid email address."),
        ("password", "short", "A password has 8 to 1,024 characters."),
        ("cluster_name", "", "Fill in this field."),
        ("full_name", "x" * 151, "At most 150 characters."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field: str, value: str, sentence: str) -> None:
    response = submit(browser(), "/studio/signup", **{**SIGN_UP, field: value})
    assert response.status_code == 422
    page = response.content.decode()
    assert f'id="{field}-says"><span class="fault">{sentence}' in page
    assert PASSWORD not in page


def test_a_taken_address_is_told(ada: User) -> None:
    response = submit(browser(), "/studio/signup", **{**SIGN_UP, "email": "ada@acme.example"})
    assert (response.status_code, "has an account" in response.content.decode()) == (409, True)


def test_a_suspended_workspace_is_told_so(acme: Tenant, ada: User) -> None:
    token = make_token(ada)
    Tenant.objects.filter(id=acme.id).update(suspended_at="2026-01-01T00:00:00Z")
    client = Client()
    client.cookies[cookies.NAME] = token
    response = client.get("/studio/")
    assert (response.status_code, "suspended" in response.content.decode()) == (403, True)
