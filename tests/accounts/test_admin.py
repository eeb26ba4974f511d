from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, User
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, client_for, make_session, make_tenant, make_user
from tests.operators import act, list_url, make_operator, messages_of, operator_client, page_url, shown

LAST_ADMIN = "This is the workspace's last active admin. Make somebody else an admin first."


@pytest.fixture
def operator() -> Client:
    return operator_client()


def sign_in(address: str, password: str = PASSWORD) -> Client:
    client = Client()
    client.post("/admin/login/", {"username": address, "password": password})
    return client


def is_let_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


@pytest.mark.parametrize("address", ["ops@example.com", "OPS@Example.COM"])
def test_operator_signs_in_whatever_the_case(address: str) -> None:
    make_operator("Ops@Example.com", PASSWORD)
    assert is_let_in(sign_in(address))


@pytest.mark.parametrize(
    "password", ["correct horse", f" {PASSWORD}", PASSWORD.upper(), "", "x" * 1025, "\0"], ids=range(6)
)
def test_wrong_password_is_refused(password: str) -> None:
    make_operator(password=PASSWORD)
    assert not is_let_in(sign_in("ops@example.com", password))


def test_sign_in_answers_the_same_for_everybody_it_refuses(acme: Tenant) -> None:
    make_operator("gone@example.com", PASSWORD, is_active=False)
    make_operator("ops@example.com", PASSWORD)
    make_user(acme, Role.ADMIN, email="admin@acme.example", password=PASSWORD)
    faults = []
    for address in ("gone@example.com", "admin@acme.example", "nobody@example.com"):
        client = Client()
        response = client.post("/admin/login/", {"username": address, "password": PASSWORD})
        faults.append(response.context["form"].non_field_errors())
        assert not is_let_in(client)
    assert faults == [["The e-mail address or the password is wrong, or this is not an operator's account."]] * 3


def test_sign_in_leads_to_no_other_site() -> None:
    make_operator(password=PASSWORD)
    form = {"username": "ops@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    assert "evil.example" not in Client().post("/admin/login/", form)["Location"]


def test_tenants_person_gets_nowhere_even_with_an_operators_kind_of_session(acme_admin: User) -> None:
    client = Client()
    client.force_login(acme_admin)
    for model in (User, Session, Tenant):
        assert client.get(list_url(model))["Location"].startswith("/admin/login/")
    assert not is_let_in(client)


def test_tenants_token_and_key_open_no_admin(acme_admin: User) -> None:
    assert client_for(acme_admin).get("/admin/").status_code == 302


def test_operator_can_not_sign_in_to_the_api(anonymous: Client) -> None:
    make_operator(password=PASSWORD)
    response = anonymous.post("/v1/auth/login", {"email": "ops@example.com", "password": PASSWORD})
    assert response.status_code == 401


def test_command_makes_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", email="New.Ops@Example.com", verbosity=0)
    operator = User.objects.get()
    assert (operator.email, operator.is_staff, operator.tenant) == ("new.ops@example.com", True, None)
    assert is_let_in(sign_in("new.ops@example.com"))


def test_deactivated_person_is_out_at_once(operator: Client, acme_editor: User) -> None:
    client = client_for(acme_editor)
    assert client.get("/v1/auth/me").status_code == 200
    assert messages_of(act(operator, "deactivate", acme_editor)) == ["1 user deactivated."]
    assert client.get("/v1/auth/me").status_code == 401
    assert not Session.objects.unended().exists()


def test_reactivated_person_signs_in_anew(operator: Client, acme_editor: User, anonymous: Client) -> None:
    old = client_for(acme_editor)
    act(operator, "deactivate", acme_editor)
    overlapping = client_for(acme_editor)
    assert messages_of(act(operator, "reactivate", acme_editor)) == ["1 user reactivated."]
    assert [client.get("/v1/auth/me").status_code for client in (old, overlapping)] == [401, 401]
    assert client_for(acme_editor).get("/v1/auth/me").status_code == 200


def test_reactivation_of_the_active_ends_no_session(operator: Client, acme_editor: User) -> None:
    client = client_for(acme_editor)
    assert messages_of(act(operator, "reactivate", acme_editor)) == ["Nothing to do: none of these can be reactivated."]
    assert client.get("/v1/auth/me").status_code == 200


def test_last_active_admin_stays(operator: Client, acme: Tenant, acme_admin: User) -> None:
    make_user(acme, Role.ADMIN, is_active=False)
    make_user(acme, Role.EDITOR)
    assert messages_of(act(operator, "deactivate", acme_admin)) == [
        f"Not deactivated: admin@acme.example. {LAST_ADMIN}"
    ]
    acme_admin.refresh_from_db()
    assert acme_admin.is_active


def test_of_all_admins_one_stays(operator: Client, acme: Tenant) -> None:
    admins = [make_user(acme, Role.ADMIN) for _ in range(3)]
    told = messages_of(act(operator, "deactivate", *admins))
    assert [LAST_ADMIN in text for text in told] == [True, False]
    assert told[1] == "2 users deactivated."
    assert User.objects.filter(tenant=acme, is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_operators_can_not_take_the_last_two_admins_at_once() -> None:
    operators = [make_operator(f"ops{number}@example.com") for number in range(2)]
    for _ in range(10):
        tenant = make_tenant()
        admins = [make_user(tenant, Role.ADMIN) for _ in range(2)]
        barrier = Barrier(2)

        def deactivate(number: int, admins: list[User] = admins, barrier: Barrier = barrier) -> None:
            client = operator_client(operators[number])
            barrier.wait()
            act(client, "deactivate", admins[number])
            connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(deactivate, range(2)))
        assert User.objects.filter(tenant=tenant, is_active=True).count() == 1


def test_deactivated_operator_is_out_at_once_and_stays_out(operator: Client) -> None:
    colleague = make_operator("colleague@example.com")
    client = operator_client(colleague)
    assert is_let_in(client)
    act(operator, "deactivate", colleague)
    assert not is_let_in(client)
    act(operator, "reactivate", colleague)
    assert not is_let_in(client)
    assert is_let_in(operator)


def test_last_active_operator_stays() -> None:
    alone = make_operator()
    assert messages_of(act(operator_client(alone), "deactivate", alone)) == [
        "Not deactivated: ops@example.com. This is the last active operator. Create another one first."
    ]


def test_people_are_found_by_address_and_filters(operator: Client, acme_admin: User, acme_viewer: User) -> None:
    ops = User.objects.get(is_staff=True)
    act(operator, "deactivate", acme_viewer)
    assert shown(operator, User, q="VIEWER@acme") == [acme_viewer]
    assert shown(operator, User, kind="operator") == [ops]
    assert shown(operator, User, kind="member", active="yes") == [acme_admin]
    assert shown(operator, User, active="no") == [acme_viewer]
    assert shown(operator, User, role="admin") == [acme_admin]
    assert shown(operator, User, tenant="acm") == [acme_viewer, acme_admin]
    assert shown(operator, User, tenant="globex") == []


def test_password_hash_is_never_shown_or_searched(operator: Client, acme: Tenant) -> None:
    user = make_user(acme, password=PASSWORD)
    for url in (list_url(User), page_url(user)):
        assert "argon2" not in operator.get(url).content.decode()
    assert operator.get(list_url(User), {"password__startswith": "argon2"}).status_code == 400
    assert operator.get(list_url(Session), {"user__password__startswith": "argon2"}).status_code == 400


def test_people_are_not_made_edited_or_deleted_here(operator: Client, acme_viewer: User) -> None:
    assert operator.get(f"{list_url(User)}add/").status_code == 403
    promoted = {"email": acme_viewer.email, "role": "admin", "is_staff": "on", "is_superuser": "on"}
    assert operator.post(page_url(acme_viewer), promoted).status_code == 403
    assert operator.post(page_url(acme_viewer).replace("change", "delete"), {"post": "yes"}).status_code == 403
    act(operator, "delete_selected", acme_viewer)
    acme_viewer.refresh_from_db()
    assert (acme_viewer.role, acme_viewer.is_staff) == ("viewer", False)


def test_operator_ends_sessions(operator: Client, acme_admin: User, acme_viewer: User) -> None:
    clients = [client_for(acme_admin), client_for(acme_viewer)]
    assert messages_of(act(operator, "end", *Session.objects.filter(user=acme_admin))) == ["1 session ended."]
    assert [client.get("/v1/auth/me").status_code for client in clients] == [401, 200]


def test_sessions_are_filtered_by_state_and_found_by_address(operator: Client, acme_admin: User) -> None:
    now = timezone.now()
    running = make_session(acme_admin)
    over = make_session(acme_admin, expires_at=now - timedelta(seconds=1))
    ended = make_session(acme_admin, ended_at=now)
    assert shown(operator, Session, state="open") == [running]
    assert shown(operator, Session, state="expired") == [over]
    assert shown(operator, Session, state="ended") == [ended]
    assert shown(operator, Session, q="admin@acme") == [ended, over, running]
    assert shown(operator, Session, tenant="globex") == []


def test_sessions_are_not_made_edited_or_deleted_here(operator: Client, acme_admin: User) -> None:
    session = make_session(acme_admin)
    assert operator.get(f"{list_url(Session)}add/").status_code == 403
    assert operator.post(page_url(session), {"ip": "1.2.3.4"}).status_code == 403
    assert operator.post(page_url(session).replace("change", "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [User, Session])
def test_list_costs_the_same_for_many(operator: Client, model: type[User] | type[Session]) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(operator, model)
        return len(queries)

    make_session(make_user())
    few = cost()
    for _ in range(10):
        make_session(make_user())
    assert cost() == few
