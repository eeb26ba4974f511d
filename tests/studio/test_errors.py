"""Errors have pages in the same house, which say what to do, and need no database."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.tokens import SessionToken
from studio import cookies
from tenants.ids import new_id
from tests.memgraph.test_database_trouble import database_away  # noqa: F401 - a fixture
from tests.studio.browsing import browser, submit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("path", ["/studio/nowhere", "/studio/keys/a/b/c", "/studio/%00", "/nowhere", "/studio//"])
def test_an_unknown_address_is_the_houses_404(path: str, acme_admin: User) -> None:
    for client in (browser(), browser(acme_admin)):
        response = client.get(path)
        page = response.content.decode()
        assert (response.status_code, "studio/studio.css" in page) == (404, True)
        assert "It may have been removed" in page
        assert response["X-Request-ID"] in page


def test_the_wrong_role_is_told_kindly(acme_viewer: User) -> None:
    response = browser(acme_viewer).get("/studio/settings")
    page = response.content.decode()
    assert response.status_code == 403
    assert "This needs the role admin. Your role is viewer." in page
    assert "An admin of your workspace can give you another role." in page
    assert 'aria-label="Studio"' in page


def test_too_many_tries_are_told_with_the_wait() -> None:
    client = browser()
    for _ in range(11):
        response = submit(client, "/studio/login", email="ada@acme.example", password="wrong horse")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Try again in" in response.content.decode()


def test_without_the_database_a_page_still_says_so(database_away: Any) -> None:  # noqa: F811
    client = Client()
    assert client.get("/studio/login").status_code == 200
    client.cookies[cookies.NAME] = token_of_nobody()
    response = client.get("/studio/keys?sort=name&status=%3Cb%3E")
    page = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "The database is unavailable." in page
    assert 'href="/studio/keys?sort=name&amp;status=%3Cb%3E">Try again</a>' in page


def token_of_nobody() -> str:
    """Rightly signed, so that the database is asked about it."""
    ends = timezone.now() + timedelta(hours=1)
    return str(SessionToken.for_session(Session(user_id=new_id(), tenant_id=new_id(), expires_at=ends)))


def test_a_busy_database_is_told(acme_admin: User) -> None:
    client = browser(acme_admin)
    client.get("/studio/account")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '40P01'; END $$"
        )
        cursor.execute("CREATE TRIGGER trouble BEFORE UPDATE ON accounts_user EXECUTE FUNCTION trouble()")
    try:
        response = submit(client, "/studio/account", full_name="Ada King")
        page = response.content.decode()
        assert (response.status_code, "The database is busy." in page) == (503, True)
        assert "secret" not in page
        assert "Try again</a>" not in page
        assert 'aria-label="Studio"' in page
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION trouble CASCADE")


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_no_link_of_an_error_leads_elsewhere(path: str) -> None:
    page = Client().get(path).content.decode()
    assert 'href="//' not in page
    assert "evil.example" not in page
