"""One PostgreSQL with Memgraph's schema, its tenants, and the servers on it. Needs Django to be set up."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.utils import timezone

from accounts.tokens import SessionToken
from apikeys.services import create_key
from bench import servers
from bench.loading import fill, fill_keys, indexes_afterwards, settle
from bench.wrk import Call, drive
from memgraph.embedded import socket_directory
from tenants.actor import Actor
from tenants.models import Role, Tenant
from tests.factories import make_session, make_tenant, make_user

WORKERS = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Scale:
    keys: int = 100_000
    many_keys: int = 10_000_000
    people: int = 1_000
    mixed: int = 100_000  # requests
    few_events: int = 10_000
    events: int = 1_000_000
    many_events: int = 10_000_000
    beliefs: int = 100_000
    batch: int = 1_000
    page: int = 1_000  # how far back
    connections: int = 32

    def contents(self) -> dict[str, dict[str, int]]:
        """Each tenant's rows."""
        return {
            "few events": {"events": self.few_events, "beliefs": 0},
            "events": {"events": self.events, "beliefs": 0},
            "many events": {"events": self.many_events, "beliefs": 0},
            "few beliefs": {"events": 0, "beliefs": 2_050},
            "beliefs": {"events": 0, "beliefs": self.beliefs},
            "written": {"events": self.few_events, "beliefs": 0},
        }


SCALES = {
    "full": Scale(),
    "small": Scale(
        keys=1_000,
        many_keys=2_000,
        people=1_000,
        mixed=400,
        few_events=1_000,
        events=5_000,
        many_events=20_000,
        beliefs=5_000,
        batch=100,
        page=5,
        connections=4,
    ),
}


@dataclass(frozen=True)
class Account:
    """A tenant and an admin's key to it."""

    tenant_id: UUID
    key_id: UUID
    key: str


class Installation:
    def __init__(self, data_dir: Path, peers: Path, scale: Scale, seconds: int) -> None:
        self.data_dir = data_dir
        self.peers = peers  # the Python that has what they need
        self.scale = scale
        self.seconds = seconds
        self.sockets = socket_directory(data_dir)
        self.accounts: dict[str, Account] = {}
        self.running: dict[str, servers.Server] = {}
        self.stack = ExitStack()

    def load(self, names: set[str]) -> None:
        contents = {name: rows for name, rows in self.scale.contents().items() if name in names}
        with indexes_afterwards(sum(rows["events"] + rows["beliefs"] for rows in contents.values())):
            for name, rows in contents.items():
                account = self.make_account(name)
                fill(account.tenant_id, account.key_id, **rows)
        fill_keys(self.make_account("keys").tenant_id, 1, self.scale.keys)
        settle()
        with self.superuser() as database:
            database.execute("CHECKPOINT")

    def make_account(self, name: str) -> Account:
        tenant = make_tenant(name)
        account = self.new_key(tenant)
        self.accounts[name] = account
        return account

    def new_key(self, tenant: Tenant) -> Account:
        key, plaintext = create_key(tenant_id=tenant.id, name="bench", role=Role.ADMIN, actor=Actor(label="bench"))
        return Account(tenant.id, key.id, plaintext)

    def new_keys(self, count: int) -> list[str]:
        """Of one new tenant."""
        tenant = make_tenant(f"{count} keys")
        return [self.new_key(tenant).key for _ in range(count)]

    def new_tokens(self, count: int) -> list[str]:
        """JWTs of sessions that were seen a moment ago, so that no request writes."""
        user = make_user(make_tenant(f"{count} sessions"))
        sessions = [make_session(user, last_seen_at=timezone.now()) for _ in range(count)]
        return [str(SessionToken.for_session(session)) for session in sessions]

    def superuser(self) -> psycopg.Connection[Any]:
        """Whom row-level security doesn't bind: the peers' account, as which COPY may write."""
        return psycopg.connect(host=str(self.sockets), port=5432, user="postgres", dbname="memgraph", autocommit=True)

    def drive(self, server: servers.Server, calls: list[Call], *, connections: int | None = None) -> float:
        """Requests a second."""
        connections = connections or self.scale.connections
        return drive(server.port, calls, seconds=self.seconds, connections=connections).rate

    def p99(self, server: servers.Server, calls: list[Call]) -> float:
        """Milliseconds."""
        return drive(server.port, calls, seconds=self.seconds, connections=self.scale.connections).p99 / 1000

    def memgraph(self) -> servers.Server:
        return self.server("memgraph", servers.memgraph(self.data_dir, WORKERS))

    def bare(self, name: str = "bare") -> servers.Server:
        return self.server(name, servers.bare(name, self.data_dir, WORKERS))

    def fastapi(self, name: str) -> servers.Server:
        return self.server(name, servers.fastapi(name, self.peers, self.sockets, WORKERS))

    def server(self, name: str, server: servers.Server) -> servers.Server:
        """Started when it is first asked for, and left running."""
        if name not in self.running:
            self.running[name] = self.stack.enter_context(server)
        return self.running[name]
