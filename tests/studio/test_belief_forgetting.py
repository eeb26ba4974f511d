from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.models import User
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import make_belief
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)


def versions(tenant: Tenant) -> list[tuple[str, str]]:
    with tenant_transaction(tenant.id):
        return list(Belief.objects.for_tenant(tenant.id).order_by("id").values_list("value", "status"))


def test_deactivating_keeps_the_history(acme: Tenant, acme_editor: User) -> None:
    make_belief(acme, value="Leeds")
    belief = make_belief(acme)
    client = browser(acme_editor)
    done = submit(client, f"/studio/beliefs/{belief.id}/forget", follow=True, soft="true")
    assert "The belief was deactivated." in done.content.decode()
    assert versions(acme) == [("Leeds", "superseded"), ("London", "inactive")]
    content = client.get(f"/studio/beliefs/{belief.id}/forget").content.decode()
    assert "This belief has no active version" in content
    assert ">Deactivate belief</button>" not in content


def test_deleting_says_what_goes_and_asks_for_the_key(acme: Tenant, acme_editor: User) -> None:
    make_belief(acme, value="Leeds")
    belief = make_belief(acme)
    make_belief(acme, key="pet", value="cat")
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/forget"
    assert "All 2 versions are deleted" in client.get(path).content.decode()
    for wrong in ({}, {"confirm": ""}, {"confirm": "City"}):
        refused = submit(client, path, soft="false", **wrong)
        assert (refused.status_code, "This is not the belief" in refused.content.decode()) == (422, True)
    done = submit(client, path, follow=True, soft="false", confirm="city ")
    assert "Permanently deleted: 2 versions." in done.content.decode()
    assert versions(acme) == [("cat", "active")]
    assert client.get(path).status_code == 404


def test_deleting_is_tried_again_after_a_deadlock(acme: Tenant, acme_editor: User) -> None:
    old, belief = make_belief(acme, value="Leeds"), make_belief(acme)
    client, path = browser(acme_editor), f"/studio/beliefs/{belief.id}/forget"
    form = {**main_form(client.get(path)), "soft": "false", "confirm": "city"}
    lock = "SELECT FROM memory_belief WHERE id = %s FOR UPDATE"
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id), connection.cursor() as cursor:
            cursor.execute(lock, [belief.id])
            answer = pool.submit(in_its_own_connection, lambda: client.post(path, form))
            until_somebody_waits()
            cursor.execute(lock, [old.id])  # which the page holds: it has waited longer, and gives way
        assert answer.result(30).status_code == 302
    assert versions(acme) == []
