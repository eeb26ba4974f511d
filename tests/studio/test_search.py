import re

import pytest

from accounts.models import User
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import make_belief
from tests.studio.browsing import browser
from tests.studio.names import HOSTILE

pytestmark = pytest.mark.django_db(transaction=True)
POINTS = re.compile(r'<td class="number">([\d.]+)</td><td class="number">([\d.]+)</td>')


def page(user: User, **query: str) -> str:
    response = browser(user).get("/studio/search", query)
    assert response.status_code == 200
    return str(response.content.decode())


def test_hits_come_with_their_score_and_how_it_came_about(acme: Tenant, acme_viewer: User) -> None:
    belief = make_belief(acme, value="Moved to London")
    make_belief(acme, key="pet", value="cat")
    content = page(acme_viewer, query="moved london")
    assert "1 belief, best match first" in content
    assert f'href="/studio/beliefs/{belief.id}">Moved to London<' in content
    (score,) = re.findall(r'<meter min="0" max="1" value="([\d.]+)"', content)
    points = [(float(got), float(most)) for got, most in POINTS.findall(content)]
    assert len(points) == 5
    assert sum(got for got, _ in points) == pytest.approx(100 * float(score), abs=0.3)
    assert sum(most for _, most in points) == pytest.approx(100, abs=0.3)
    assert all(got <= most for got, most in points)
    assert '<strong dir="auto">moved, london</strong>' in content


def test_a_slip_is_put_right_and_said(acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme, value="Moved to London")
    content = page(acme_viewer, query="londn")
    told = 'Showing results for <strong dir="auto">london</strong> instead of <strong dir="auto">londn</strong>.'
    assert told in content


def test_one_end_user_alone(acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme, value="London of Ada")
    make_belief(acme, subject_id="bob", value="London of Bob")
    assert page(acme_viewer, query="london").count("London of ") == 2
    content = page(acme_viewer, query="london", user_id="bob")
    assert "London of Bob" in content
    assert "London of Ada" not in content


@pytest.mark.parametrize("query", ["quantum", "???", "' OR 1=1 --", "%(tenant)s"])
def test_nothing_found_says_what_search_cannot_do(query: str, acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme)
    content = page(acme_viewer, query=query, user_id="ada")
    assert "matches words, not meanings" in content
    assert "all active beliefs of this end user" in content
    assert "newest 1,000 active beliefs" in page(acme_viewer, query=query)


def test_without_words_it_waits(acme_viewer: User) -> None:
    assert "Search beliefs by city" in page(acme_viewer)


@pytest.mark.parametrize("query", [{"query": "x" * 10_001}, {"query": "a\0b"}, {"query": "a", "user_id": "x" * 256}])
def test_what_cannot_be_looked_for_is_said(query: dict[str, str], acme_viewer: User) -> None:
    response = browser(acme_viewer).get("/studio/search", query)
    assert (response.status_code, 'role="alert"' in response.content.decode()) == (422, True)


def test_looking_is_no_recall(acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme)
    page(acme_viewer, query="london")
    with tenant_transaction(acme.id):
        assert Belief.objects.for_tenant(acme.id).get().uses == 0


def test_another_workspace_finds_nothing(acme: Tenant, globex_admin: User) -> None:
    make_belief(acme)
    assert "No results" in page(globex_admin, query="london", user_id="ada")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_inert(name: str, acme: Tenant, acme_viewer: User) -> None:
    make_belief(acme, subject_id=name, key=name, value=f"london {name}")
    for query in ({"query": "londn"}, {"query": name}, {"query": f"london {name}", "user_id": name}):
        content = page(acme_viewer, **query)
        assert "<img src=x" not in content
        assert "<script>alert" not in content
    assert "1 belief, best match first" in content
