"""The cast: two workspaces, Acme with a person of every role, and Globex, which must never see Acme."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase
from httpx._transports import default as default_transport
from rest_framework.test import APIClient
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.models import User
from memgraph.embedded import socket_directory
from tenants.limits.slots import EVERY_KIND
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, anonymous_client, client_for, key_client, make_tenant, make_user
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server

KEPT = ["django_migrations", "django_content_type", "auth_permission"]
FEW_BYTES = 1_000_000
# Tables that have had a row since they were last truncated, whoever may see it.
WRITTEN = """
SELECT quote_ident(relname), pg_relation_size(oid) > %s FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s) AND pg_relation_size(oid) > 0
"""
# The sessions of the last minute are counted, too.
AGE_SESSIONS = """
UPDATE accounts_session SET created_at = created_at - interval '1 minute' WHERE created_at > now() - interval '1 minute'
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Django truncates all tables after a test with real commits, and makes its types and permissions anew: 60 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: empty_written_tables())
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each test's client has middleware of its own, whose WhiteNoise looks for all static files: 15 ms."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, object]()

    def find_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", find_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def authorities_loaded_once() -> Iterator[None]:
    """Each client of httpx loads all certificate authorities, which takes 28 ms. No test uses TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default_transport, "create_ssl_context", cache(default_transport.create_ssl_context))
        yield


def empty_written_tables() -> None:
    """As PostgreSQL's superuser without triggers, because the audit log refuses it, and has a test of that."""
    params = connection.get_connection_params() | {"user": "postgres", "cursor_factory": psycopg.Cursor}
    with psycopg.connect(**params, options="-c session_replication_role=replica") as superuser:
        written = superuser.execute(WRITTEN, [FEW_BYTES, KEPT]).fetchall()
        acts = [f"TRUNCATE {table} CASCADE" if is_large else f"DELETE FROM {table}" for table, is_large in written]
        superuser.execute("; ".join(acts))


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Every test may use the database; what needs real commits asks for `transactional_db`."""


@pytest.fixture(autouse=True)
def unwatched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download's watch has a connection of its own, which can't see the rows of a test's open transaction."""
    marker = request.node.get_closest_marker("django_db")
    if "transactional_db" not in request.fixturenames and not (marker and marker.kwargs.get("transaction")):
        monkeypatch.setattr("tenants.watching.SECONDS", 3600.0)


@pytest.fixture(autouse=True)
def no_slot_stays_taken() -> Iterator[None]:
    """A download that a test leaves open holds its slot until it is garbage collected, and the next test gets 503."""
    yield
    held = [kind for kind in EVERY_KIND if kind.running.total()]
    assert not held, "A test left a download open: read it, or close it."


@pytest.fixture
def acme() -> Tenant:
    return make_tenant("Acme")


@pytest.fixture
def globex() -> Tenant:
    return make_tenant("Globex")


@pytest.fixture
def acme_admin(acme: Tenant) -> User:
    return make_user(acme, Role.ADMIN, email="admin@acme.example")


@pytest.fixture
def acme_editor(acme: Tenant) -> User:
    return make_user(acme, Role.EDITOR, email="editor@acme.example")


@pytest.fixture
def acme_viewer(acme: Tenant) -> User:
    return make_user(acme, Role.VIEWER, email="viewer@acme.example")


@pytest.fixture
def globex_admin(globex: Tenant) -> User:
    return make_user(globex, Role.ADMIN, email="admin@globex.example")


@pytest.fixture
def anonymous() -> APIClient:
    return anonymous_client()


@pytest.fixture
def admin(acme_admin: User) -> APIClient:
    """Acme's admin, signed in."""
    return client_for(acme_admin)


@pytest.fixture
def editor_key(acme: Tenant) -> APIClient:
    """A program of Acme with an editor's key."""
    return key_client(acme)


@pytest.fixture
def admin_key(acme: Tenant) -> APIClient:
    """A program of Acme with an admin's key."""
    return key_client(acme, Role.ADMIN)


@pytest.fixture(scope="session")
def real_server() -> Iterator[Server]:
    """The real thing with two workers: for races, metrics over workers, the published client and browsers.

    It shares the tests' secret key, so that what the factories sign is good there (`tests/browser/served.py`).
    """
    folder = Path(tempfile.mkdtemp(prefix="memgraph-real-"))
    folder.chmod(0o755)
    with Server(prepared(folder / "data"), WEB_CONCURRENCY=2, SECRET_KEY=settings.SECRET_KEY) as server:
        yield server.wait_until_healthy()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server_url(real_server: Server) -> str:
    return f"http://127.0.0.1:{real_server.port}"


@pytest.fixture(scope="session")
def server_keys(server_url: str) -> dict[str, str]:
    """A key of each kind that a client of the real server may have, and its tenant's id."""
    email = f"client-{uuid4().hex}@example.com"
    body = {"email": email, "password": PASSWORD, "full_name": "Ada Lovelace", "cluster_name": "Client's"}
    with httpx.Client(base_url=server_url) as http:
        account = http.post("/v1/auth/onboard", json=body).json()
        token = http.post("/v1/auth/login", data={"username": email, "password": PASSWORD}).json()["access_token"]
        session = {"Authorization": f"Bearer {token}"}
        viewer = http.post("/v1/api-keys", headers=session, json={"name": "reads", "role": "viewer"}).json()
        revoked = http.post("/v1/api-keys", headers=session, json={"name": "gone"}).json()
        http.delete(f"/v1/api-keys/{revoked['id']}", headers=session)
        slow = {"name": "one a minute", "rate_limit_per_minute": 1}
        throttled = http.post("/v1/api-keys", headers=session, json=slow).json()
    return {
        "editor": account["api_key"],
        "viewer": viewer["api_key"],
        "revoked": revoked["api_key"],
        "throttled": throttled["api_key"],
        "mistyped": account["api_key"][:-1] + ("a" if account["api_key"][-1] != "a" else "b"),
        "tenant_id": account["tenant_id"],
    }


@pytest.fixture(scope="session")
def forget_counts(real_server: Server) -> Iterator[Callable[[], None]]:
    """Empties the real server's counters: its limits are those of production, and all tests call from one address."""
    sockets = str(socket_directory(real_server.data_dir))
    with psycopg.connect(host=sockets, user="memgraph", dbname="memgraph", autocommit=True) as database:

        def forget() -> None:
            database.execute("DELETE FROM tenants_counter")
            database.execute(AGE_SESSIONS)

        yield forget


@pytest.fixture(autouse=True)
def fresh_counts(request: pytest.FixtureRequest) -> None:
    if "real_server" in request.fixturenames:
        request.getfixturevalue("forget_counts")()
