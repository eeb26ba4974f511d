"""Can Acme see Globex? No: not by any route, and not by any statement."""

import uuid

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, models, transaction

from accounts.models import User
from memory.models import Belief, Episode, Event, UnsettledSpan
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import (
    client_for,
    key_client,
    make_belief,
    make_episode,
    make_event,
    make_invitation,
    make_key,
    make_session,
    make_tenant,
    make_user,
)
from tests.routes import ROUTES, routes_of_the_resolver

MEMORY_MODELS = list(apps.get_app_config("memory").get_models())
MAKERS = {Event: make_event, Belief: make_belief, Episode: make_episode}
BODIES = {
    "episode": {"summary": "Taken over."},
    "belief": {"value": "Taken over."},
}


@pytest.fixture
def of_globex(globex: Tenant) -> dict[str, str]:
    """An id of Globex for every route that takes one."""
    return {
        "event": str(make_event(globex).id),
        "belief": str(make_belief(globex).id),
        "episode": str(make_episode(globex).id),
        "api-key": str(make_key(globex)[0].id),
        "rotate-key": str(make_key(globex)[0].id),
        "user": str(make_user(globex).id),
        "user-reset-link": str(make_user(globex).id),
        "session": str(make_session(make_user(globex)).id),
        "invitation": str(make_invitation(globex).id),
        "api-key-undo": str(make_key(globex)[0].id),
    }


ID_ROUTES = [(name, method) for name, method in routes_of_the_resolver() if "{id}" in ROUTES[name, method].path]


@pytest.mark.parametrize(("name", "method"), ID_ROUTES, ids=lambda part: part)
@pytest.mark.parametrize(
    "foreign_id", ["of Globex", "of nobody", "not-an-id", "{01a208d9-5cc5-74e6-887b-8ca0e8a70576}", "%00", "1"]
)
def test_what_is_not_ours_is_not_there(
    name: str, method: str, foreign_id: str, of_globex: dict[str, str], acme_admin: User
) -> None:
    wanted = {"of Globex": of_globex[name], "of nobody": str(uuid.uuid4())}.get(foreign_id, foreign_id)
    response = client_for(acme_admin).generic(
        method, ROUTES[name, method].path.replace("{id}", wanted), '{"value": "x"}', content_type="application/json"
    )
    assert response.status_code == 404
    body = response.json()
    body.pop("request_id")
    assert body == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Nothing was found at this URL.",
        "code": "not_found",
    }


def test_every_route_with_an_id_has_a_row_of_globex_to_try(of_globex: dict[str, str]) -> None:
    assert {name for name, _ in ID_ROUTES} == set(of_globex)


def test_lists_hold_nothing_of_another_tenant(acme: Tenant, of_globex: dict[str, str], acme_admin: User) -> None:
    client = client_for(acme_admin)
    for path in ("/v1/events", "/v1/beliefs", "/v1/episodes", "/v1/api-keys", "/v1/admin/audit"):
        assert client.get(path).json()["items"] == []
    assert client.get("/v1/invitations").json()["items"] == []
    assert [person["id"] for person in client.get("/v1/users").json()["items"]] == [str(acme_admin.id)]
    assert [session["current"] for session in client.get("/v1/auth/sessions").json()["items"]] == [True]
    assert client.get("/v1/beliefs/history/ada/city").json() == []
    assert client.get("/v1/beliefs/timeline/ada").json()["timeline"] == []
    assert client.get("/v1/stats").json()["total_events"] == 0


def test_a_cursor_of_another_tenant_is_refused(acme: Tenant, globex: Tenant) -> None:
    for _ in range(2):
        make_event(globex)
    cursor = key_client(globex).get("/v1/events?limit=1").json()["next_cursor"]
    assert key_client(globex).get("/v1/events", {"cursor": cursor}).status_code == 200
    assert key_client(acme).get("/v1/events", {"cursor": cursor}).status_code == 422


@pytest.mark.parametrize("where", ["query", "body", "form"])
def test_another_tenants_id_is_refused_and_does_nothing(where: str, acme: Tenant, globex: Tenant) -> None:
    client = key_client(acme)
    event = {"event_type": "user_message", "content": {}, "user_id": "ada"}
    if where == "query":
        response = client.post(f"/v1/events?tenant_id={globex.id}", event)
    else:
        response = client.post("/v1/events", event | {"tenant_id": str(globex.id)})
    assert (response.status_code, response.json()["code"]) == (403, "tenant_mismatch")
    for tenant in (acme, globex):
        with tenant_transaction(tenant.id):
            assert not Event.objects.exists()


@pytest.mark.parametrize("claimed", [None, "own"])
def test_the_own_tenants_id_or_null_is_ignored(claimed: str | None, acme: Tenant) -> None:
    event = {"event_type": "user_message", "content": {}, "user_id": "ada"}
    response = key_client(acme).post("/v1/events", event | {"tenant_id": str(acme.id) if claimed else None})
    assert response.status_code == 201


# The second wall


@pytest.fixture
def two_tenants(transactional_db: None) -> tuple[Tenant, Tenant]:
    """With real transactions: the setting of `tenant_transaction` ends with them."""
    ours, theirs = make_tenant("Acme"), make_tenant("Globex")
    for maker in MAKERS.values():
        maker(theirs)
    return ours, theirs


@pytest.mark.parametrize("model", MEMORY_MODELS, ids=lambda model: model.__name__)
def test_every_table_of_memory_has_its_policy(model: type[models.Model]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relrowsecurity, c.relforcerowsecurity, p.polcmd, p.polpermissive,"
            " pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)"
            " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid WHERE c.relname = %s",
            [model._meta.db_table],
        )
        rows = cursor.fetchall()
    condition = "(tenant_id = (NULLIF(current_setting('memgraph.tenant_id'::text, true), ''::text))::uuid)"
    assert rows == [(True, True, "*", True, condition, condition)]


def test_the_serving_role_can_not_step_over_the_wall() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)


@pytest.mark.parametrize("model", MEMORY_MODELS, ids=lambda model: model.__name__)
def test_a_statement_without_its_tenant_sees_and_writes_nothing(
    model: type[models.Model], two_tenants: tuple[Tenant, Tenant]
) -> None:
    copied = copy_of_theirs(model, two_tenants[1])
    assert not model.objects.exists()
    assert model.objects.update(tenant_id=two_tenants[0].id) == 0
    assert model.objects.all().delete()[0] == 0
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        copied.save(force_insert=True)


@pytest.mark.parametrize("model", MEMORY_MODELS, ids=lambda model: model.__name__)
def test_a_statement_with_another_tenant_sees_and_writes_nothing(
    model: type[models.Model], two_tenants: tuple[Tenant, Tenant]
) -> None:
    ours, theirs = two_tenants
    copied, count = copy_of_theirs(model, theirs), count_of(model, theirs)
    with tenant_transaction(ours.id):
        assert not model.objects.filter(tenant_id=theirs.id).exists()
        assert model.objects.filter(tenant_id=theirs.id).update(tenant_id=ours.id) == 0
        assert model.objects.filter(tenant_id=theirs.id).delete()[0] == 0
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_transaction(ours.id):
        copied.save(force_insert=True)
    assert count_of(model, theirs) == count > 0


def count_of(model: type[models.Model], tenant: Tenant) -> int:
    with tenant_transaction(tenant.id):
        return model.objects.count()


def copy_of_theirs(model: type[models.Model], theirs: Tenant) -> models.Model:
    with tenant_transaction(theirs.id):
        row = model.objects.all()[0]
    row.id = -1 if model is UnsettledSpan else uuid.uuid4()
    return row


def test_the_setting_ends_with_the_transaction(two_tenants: tuple[Tenant, Tenant]) -> None:
    with tenant_transaction(two_tenants[1].id):
        assert Event.objects.exists()
    assert not Event.objects.exists()


def test_the_setting_ends_with_a_write_of_one_trip(two_tenants: tuple[Tenant, Tenant]) -> None:
    make_event(two_tenants[1])
    assert not Event.objects.exists()


def test_within_a_tenant_nothing_is_written_for_another(two_tenants: tuple[Tenant, Tenant]) -> None:
    ours, theirs = two_tenants
    count = count_of(Event, theirs)
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_transaction(ours.id):
        make_event(theirs)
    assert count_of(Event, theirs) == count


def test_tenant_transactions_do_not_nest(two_tenants: tuple[Tenant, Tenant]) -> None:
    with pytest.raises(RuntimeError), tenant_transaction(two_tenants[0].id), tenant_transaction(two_tenants[1].id):
        pass


@pytest.mark.parametrize(
    "tenant_id", ["x'; SET LOCAL memgraph.tenant_id = 'y", "01a208d9-5cc5-74e6-887b-8ca0e8a70576", None]
)
def test_only_a_parsed_uuid_opens_a_tenant(tenant_id: object) -> None:
    with pytest.raises(TypeError), tenant_transaction(tenant_id):  # type: ignore[arg-type]
        pass
