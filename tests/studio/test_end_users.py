import pytest

from accounts.models import User
from tenants.models import Tenant
from tests.factories import make_event
from tests.studio.browsing import browser

pytestmark = pytest.mark.django_db(transaction=True)


def names(user: User, query: str = "") -> list[str]:
    content = browser(user).get(f"/studio/users{query}").content.decode()
    return [cell.partition(">")[2].partition("<")[0] for cell in content.split('<td dir="auto">')[1:]]


def test_end_users_are_listed_by_name_from_a_name_on(acme: Tenant, globex: Tenant, acme_viewer: User) -> None:
    for name in ("eve", "ada", "bob"):
        make_event(acme, user_id=name)
    make_event(globex, user_id="carol")
    assert names(acme_viewer) == ["ada", "bob", "eve"]
    assert names(acme_viewer, "?from=b") == ["bob", "eve"]
    assert names(acme_viewer, "?from=x") == []


def test_the_next_page_begins_where_this_one_ends(acme: Tenant, acme_viewer: User) -> None:
    for number in range(51):
        make_event(acme, user_id=f"user {number:02} & co")
    page = browser(acme_viewer).get("/studio/users").content.decode()
    assert "user 49 &amp; co" in page
    assert "user 50 &amp; co" not in page
    assert 'href="?from=user%2050%20%26%20co"' in page
    assert names(acme_viewer, "?from=user%2050%20%26%20co") == ["user 50 &amp; co"]


@pytest.mark.parametrize("first", ["%00", "%00a", "x" * 5000, "%F0%9F%A6%89", "<script>"])
def test_any_name_may_be_asked_for(first: str, acme_viewer: User) -> None:
    response = browser(acme_viewer).get(f"/studio/users?from={first}")
    assert response.status_code == 200
    assert "<script>" not in response.content.decode().partition("<main")[2]
