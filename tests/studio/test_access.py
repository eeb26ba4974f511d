"""Who may open which page: every page, every method, every role, and nobody."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from studio import cookies
from tenants.models import Tenant
from tests.factories import anonymous_client, key_client, make_token, make_user
from tests.routes import LEVELS
from tests.studio.browsing import browser
from tests.studio.pages import PAGES, PROTECTED, pages_of_the_resolver

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_table_is_the_resolvers() -> None:
    assert sorted(pages_of_the_resolver()) == sorted(PAGES)


@pytest.mark.parametrize("name", [name for name, page in PROTECTED.items() if "GET" in page.methods])
@pytest.mark.parametrize("role", LEVELS)
def test_a_role_sees_its_pages_and_no_other(name: str, role: str, acme: Tenant) -> None:
    page = PROTECTED[name]
    response = browser(make_user(acme, role)).get(page.path_for(acme))
    if response.streaming:
        response.getvalue()
    if LEVELS[role] < LEVELS[page.who]:
        assert response.status_code == 403
        assert f"This needs the role {page.who}" in response.content.decode()
    else:
        assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("name", [name for name, page in PROTECTED.items() if "GET" in page.methods])
def test_nobody_is_asked_to_sign_in_and_led_back(name: str, acme: Tenant) -> None:
    path = PROTECTED[name].path_for(acme)
    response = browser().get(path)
    assert response.status_code == 302
    wanted = "" if name == "overview" else "?" + urlencode({"next": path})
    assert response["Location"] == f"/studio/login{wanted}"


@pytest.mark.parametrize("name", [name for name, page in PROTECTED.items() if "POST" in page.methods])
def test_a_form_of_nobody_has_no_effect(name: str, acme: Tenant) -> None:
    client = Client()
    response = client.post(PROTECTED[name].path_for(acme), {"name": "typed"})
    assert response.status_code == 401
    assert 'name="kept-name" value="typed"' in response.content.decode()


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if "POST" in page.methods])
def test_a_form_without_its_csrf_token_is_refused(name: str, acme: Tenant, acme_admin: User) -> None:
    response = browser(acme_admin).post(PAGES[name].path_for(acme), {})
    assert response.status_code == 403
    assert "came from another site" in response.content.decode()


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_other_methods_are_refused(name: str, method: str, acme: Tenant, acme_admin: User) -> None:
    page = PAGES[name]
    if method.upper() in page.methods:
        return
    client = Client()
    client.cookies[cookies.NAME] = make_token(acme_admin)
    assert getattr(client, method)(page.path_for(acme)).status_code == 405


@pytest.mark.parametrize("name", [name for name, page in PROTECTED.items() if page.of])
def test_a_stranger_and_a_malformed_id_find_nothing(name: str, globex: Tenant, acme_admin: User) -> None:
    page, client = PROTECTED[name], browser(acme_admin)
    theirs, none = client.get(page.path_for(globex)), client.get(page.path.replace("{id}", "nothing"))
    assert (theirs.status_code, none.status_code) == (404, 404)
    assert "It may have been removed" in theirs.content.decode()


def test_the_cookie_is_good_for_pages_only(acme_admin: User) -> None:
    client = Client()
    client.cookies[cookies.NAME] = make_token(acme_admin)
    assert client.get("/studio/").status_code == 200
    assert client.get("/v1/auth/whoami").json()["code"] == "not_authenticated"


def test_a_header_is_good_for_the_api_only(acme: Tenant, acme_admin: User) -> None:
    for client in (key_client(acme), anonymous_client(HTTP_AUTHORIZATION=f"Bearer {make_token(acme_admin)}")):
        assert client.get("/studio/")["Location"] == reverse("studio:login")


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "mg_live_" + "a" * 36, "x" * 5000])
def test_no_other_cookie_lets_in(cookie: str) -> None:
    client = Client()
    client.cookies[cookies.NAME] = cookie
    assert client.get("/studio/").status_code == 302
