"""An installation of an older version, with something of everything, is migrated and works as before.

All tests use one restored database, and their order is free.
"""

import gzip
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.memgraph.processes import Server
from tests.upgrade.restoring import Installation, restored

TENANTS = ("acme", "globex")
# Of these the code has as many as it needs.
OF_THE_CODE = {"django_migrations", "django_content_type", "auth_permission"}
# Operators sign in again: the rows held the values of their cookies.
EMPTIED = {"django_session": 0}
HOLD_NOTHING = {"auth_group", "auth_group_permissions", "accounts_user_groups", "accounts_user_user_permissions"}


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with restored() as installation:
        installation.before = installation.count_rows()  # type: ignore[attr-defined]
        installation.command("migrate", "--no-input")
        installation.after = installation.count_rows()  # type: ignore[attr-defined]
        yield installation


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[str]:
    """The current code as a server on the migrated database."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder), **installation.variables) as server:
        server.wait_until_healthy()
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture(params=TENANTS)
def tenant(request: pytest.FixtureRequest, installation: Installation) -> Any:
    return installation.facts["tenants"][request.param]


def whoami(server: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server}/v1/auth/whoami", headers=headers)


def by_key(tenant: dict[str, Any], name: str = "active") -> dict[str, str]:
    return {"X-API-KEY": tenant["keys"][name]}


def by_session(tenant: dict[str, Any], name: str = "live") -> dict[str, str]:
    return {"Authorization": f"Bearer {tenant['sessions'][name]}"}


def test_the_dump_holds_something_of_everything(installation: Installation) -> None:
    empty = {table for table, rows in installation.before.items() if not rows}
    assert empty == HOLD_NOTHING


def test_every_table_keeps_its_rows(installation: Installation) -> None:
    kept = {table: rows for table, rows in installation.before.items() if table not in OF_THE_CODE}
    kept |= EMPTIED
    assert {table: installation.after.get(table) for table in kept} == kept


def test_the_audit_chains_hold(installation: Installation) -> None:
    assert "every row in its place" in installation.command("verify_audit")


def test_the_counts_are_right(installation: Installation) -> None:
    assert installation.command("recount") == "All counts are right.\n"


@pytest.mark.parametrize("name", ["active", "successor", "graced", "here", "limited"])
def test_an_old_key_works(name: str, tenant: dict[str, Any], server: str) -> None:
    response = whoami(server, **by_key(tenant, name))
    assert (response.status_code, response.json()["tenant_id"]) == (200, tenant["tenant_id"])


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("revoked", 401, "key_revoked"),
        ("expired", 401, "key_expired"),
        ("rotated", 401, "key_expired"),
        ("elsewhere", 403, "address_not_allowed"),
    ],
)
def test_a_refused_key_stays_refused(name: str, status: int, code: str, tenant: dict[str, Any], server: str) -> None:
    response = whoami(server, **by_key(tenant, name))
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_a_session_goes_on(tenant: dict[str, Any], server: str) -> None:
    response = whoami(server, **by_session(tenant))
    assert (response.status_code, response.json()["tenant_id"]) == (200, tenant["tenant_id"])


def test_an_ended_session_stays_ended(tenant: dict[str, Any], server: str) -> None:
    response = whoami(server, **by_session(tenant, "ended"))
    assert (response.status_code, response.json()["code"]) == (401, "session_ended")


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("editor", 200), ("viewer", 200), ("gone", 401)])
def test_people_sign_in_by_their_passwords(
    role: str, status: int, tenant: dict[str, Any], server: str, installation: Installation
) -> None:
    form = {"username": tenant["people"][role], "password": installation.facts["password"]}
    assert httpx.post(f"{server}/v1/auth/login", json=form).status_code == status


def test_an_operator_signs_in_by_the_password(server: str, installation: Installation) -> None:
    with httpx.Client(base_url=server, headers={"Referer": server}) as http:
        http.get("/admin/login/")
        form = {"username": installation.facts["operator"]["email"], "password": installation.facts["password"]}
        form["csrfmiddlewaretoken"] = http.cookies["csrf"]
        assert http.post("/admin/login/", data=form).status_code == 302
        assert http.get("/admin/").status_code == 200


def test_an_open_invitation_is_good_once(tenant: dict[str, Any], server: str) -> None:
    form = {"token": tenant["links"]["invitation"], "password": "nine striped badgers", "full_name": "Guest"}
    answers = [httpx.post(f"{server}/v1/auth/invitations/accept", json=form).status_code for _ in range(2)]
    assert answers == [201, 422]


def test_an_open_reset_link_is_good_once(tenant: dict[str, Any], server: str, installation: Installation) -> None:
    form = {"token": tenant["links"]["reset"], "new_password": installation.facts["password"]}
    answers = [httpx.post(f"{server}/v1/auth/password-reset/confirm", json=form).status_code for _ in range(2)]
    assert answers == [200, 422]


def test_memory_is_written_and_found(tenant: dict[str, Any], server: str) -> None:
    with httpx.Client(base_url=server, headers=by_key(tenant)) as http:
        before = http.get("/v1/stats").json()
        event = {"event_type": "user_message", "user_id": "newcomer", "content": {"text": "A purple aardvark."}}
        assert http.post("/v1/events", json=event).status_code == 201
        assert http.get("/v1/stats").json() != before
        history = http.get("/v1/beliefs/history/ada/city").json()
        assert {belief["value"] for belief in history} == {"London", "Paris", "Rome"}
        assert len(http.get("/v1/episodes", params={"limit": 200}).json()["items"]) > 3


def test_memory_is_exported_whole(tenant: dict[str, Any], installation: Installation, tmp_path: Path) -> None:
    target = tmp_path / "export.ndjson.gz"
    installation.command("export_tenant", tenant["tenant_id"], str(target))
    lines = gzip.decompress(target.read_bytes()).splitlines()
    assert len(lines) > 90
    assert b"green tea" in lines[5]
