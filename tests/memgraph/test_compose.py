"""`compose.yaml`: what can be checked of it without running it."""

import hashlib
import hmac
import os
import re
import subprocess
from base64 import b64decode
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import yaml
from django.conf import settings

from memgraph.embedded import socket_directory
from memgraph.embedded.binaries import installed
from tests.memgraph.processes import ROOT

PASSWORD = 'it\'s "odd" $HOME \\ :password'
VARIABLE = re.compile(r"\$\{([A-Z_]+)")


@pytest.fixture
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def variables_of(service: dict[str, Any]) -> set[str]:
    return {name for value in service["environment"].values() for name in VARIABLE.findall(value)}


def test_the_service_never_gets_the_superusers_password(compose: Any) -> None:
    services = compose["services"]
    assert variables_of(services["memgraph"]) == {"MEMGRAPH_DB_PASSWORD", "SECRET_KEY", "PUBLIC_URL"}
    assert variables_of(services["postgres"]) == {"MEMGRAPH_DB_PASSWORD", "POSTGRES_PASSWORD"}
    assert "POSTGRES_PASSWORD" not in compose["configs"]["role"]["content"]


def test_secrets_have_no_default(compose: Any) -> None:
    values = [str(value) for service in compose["services"].values() for value in service["environment"].values()]
    secret = [value for value in values if "PASSWORD" in value or "SECRET" in value]
    assert len(secret) == 4
    assert all(":?set it in .env}" in value for value in secret)


def test_the_first_start_makes_a_bound_role_with_its_own_password(compose: Any) -> None:
    """The script runs as it is, but for the name of the role and the database, which the test server has already."""
    name = f"composed_{uuid4().hex}"
    script = compose["configs"]["role"]["content"].replace("$$", "$").replace("memgraph", name)
    sockets = str(socket_directory(settings.DATA_DIR))
    at = {"PGHOST": sockets, "PGPORT": "5432", "MEMGRAPH_DB_PASSWORD": PASSWORD, "POSTGRES_PASSWORD": "another"}
    environment = {"PATH": f"{installed()}:{os.defpath}", **at}
    done = subprocess.run(["sh", "-e", "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(host=sockets, port=5432, user="postgres", autocommit=True) as superuser:
        try:
            role = superuser.execute(
                "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles"
                " WHERE rolname = %s",
                [name],
            ).fetchone()
            stored = superuser.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [name]).fetchone()
            owner = superuser.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
        finally:
            superuser.execute(f"DROP DATABASE IF EXISTS {name}")
            superuser.execute(f"DROP ROLE IF EXISTS {name}")
    assert role == (True, False, False, False, False)
    assert owner == (name,)
    assert stored is not None
    assert is_password(PASSWORD, stored[0])


def is_password(password: str, verifier: str) -> bool:
    """RFC 5802, section 3: the stored key is the hash of the client's."""
    rounds, salt, stored = re.fullmatch(r"SCRAM-SHA-256\$([0-9]+):([^$]+)\$([^:]+):.*", verifier).groups()  # type: ignore[union-attr]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(rounds))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest() == b64decode(stored)
