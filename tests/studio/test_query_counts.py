"""Every page costs a constant number of queries, six at most, whatever there is to show."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tenants.models import Tenant
from tests.factories import make_belief, make_episode, make_event, make_invitation, make_key, make_session, make_user
from tests.studio.browsing import browser
from tests.studio.pages import PROTECTED

MOST = 6
FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT")  # of a transaction; they ask nothing


def fill(tenant: Tenant, user: User, number: int) -> None:
    make_key(tenant)
    make_user(tenant)
    make_session(user)
    make_invitation(tenant)
    make_event(tenant, user_id=f"user {number}", thread_id="t")
    make_belief(tenant, key=f"key {number}")
    make_episode(tenant)


@pytest.mark.parametrize(
    "name", [name for name, page in PROTECTED.items() if "GET" in page.methods and not page.is_file]
)
def test_a_page_costs_few_queries(name: str, acme: Tenant, acme_admin: User) -> None:
    client, path = browser(acme_admin), PROTECTED[name].path_for(acme)
    assert client.get(path).status_code == 200  # notes that the session is used, once a minute
    counts = []
    for number in range(3):
        fill(acme, acme_admin, number)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).status_code == 200
        counts.append(len([query for query in captured if not query["sql"].startswith(FRAMES)]))
    assert len(set(counts[1:])) == 1
    assert max(counts) <= MOST, [query["sql"] for query in captured]
