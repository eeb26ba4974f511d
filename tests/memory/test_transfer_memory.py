"""Transfers stream: their memory is the same for few rows and for many, and for files that unpack to no end."""

import gzip
import hashlib
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from io import StringIO
from itertools import chain
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from memory.records import NO_AUTHOR
from memory.transactions import tenant_transaction
from memory.transfer.exporting import export_tenant
from memory.transfer.importing import import_tenant
from memory.transfer.lines import Gunzipped, Readable
from tenants.actor import Actor
from tenants.models import Tenant
from tenants.problems import PayloadTooLarge, Unprocessable
from tests.factories import PASSWORD
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server
from tests.memory.reading import kept_rows
from tests.memory.transfers import EVENT, HEADER, MOMENT, NDJSON, as_line

MIB = 1024 * 1024
GZIPPED = {"Content-Type": NDJSON, "Content-Encoding": "gzip"}
PERSON = {"email": "bomb@example.com", "password": PASSWORD, "full_name": "B", "cluster_name": "Bomb"}
FEW, MANY = 1_000, 10_000
pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, occurred_at)
SELECT %s, gen_random_uuid(), now(), 'x', jsonb_build_object('text', repeat('x', %s)), 'ada', now()
FROM generate_series(1, %s)
"""


class Stream:
    """A file that is made while it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts = parts
        self.rest = b""

    def read(self, size: int) -> bytes:
        while len(self.rest) < size and (part := next(self.parts, None)):
            self.rest += part
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken


def file_of(events: int, size: int, apart: timedelta = timedelta()) -> Iterator[bytes]:
    checksum = hashlib.sha256()
    last = datetime.fromisoformat(MOMENT)
    rows = (
        {"id": f"01900000-0000-7000-8000-{number:012}", "occurred_at": (last - number * apart).isoformat()}
        for number in range(events)
    )
    for row in chain([HEADER], (EVENT | row | {"content": {"text": "x" * size}} for row in rows)):
        line = as_line(row)
        checksum.update(line)
        yield line
    counts = {"event": events, "belief": 0, "episode": 0, "user": 0}
    yield as_line({"type": "footer", "counts": counts, "sha256": checksum.hexdigest()})


def peak(call: Callable[[], object]) -> int:
    """The most that this process's Python objects took, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def read_export(tenant: Tenant) -> int:
    return sum(map(len, export_tenant(tenant_id=tenant.id, actor=Actor())))


def read_import(tenant: Tenant, stream: Readable, *, most: int = 1024 * MIB, dry_run: bool = True) -> int:
    imported = import_tenant(
        tenant_id=tenant.id,
        authors=NO_AUTHOR,
        actor=Actor(),
        stream=stream,
        most=most,
        on_conflict="skip",
        dry_run=dry_run,
    )
    return imported.created["event"]


def fill(tenant: Tenant, events: int, size: int) -> None:
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        cursor.execute(EVENTS, [tenant.id, size, events])


def test_export_of_many_rows_takes_no_more_than_of_few(acme: Tenant, globex: Tenant) -> None:
    fill(acme, FEW, 100)
    fill(globex, MANY, 100)
    few, many = peak(lambda: read_export(acme)), peak(lambda: read_export(globex))
    assert many < few + MIB / 2
    assert many < 2 * MIB


@pytest.mark.parametrize("apart", [timedelta(), timedelta(days=1)], ids=["on one day", "on a day each"])
def test_import_of_many_rows_takes_no_more_than_of_some(apart: timedelta, acme: Tenant, globex: Tenant) -> None:
    some, many = (
        peak(partial(read_import, tenant, Stream(file_of(rows, 100, apart)), dry_run=False))
        for tenant, rows in ((acme, 6 * FEW), (globex, 10 * FEW))
    )
    assert many < some + MIB / 2
    assert many < 24 * MIB


def test_large_rows_take_no_more_than_small_ones(acme: Tenant) -> None:
    """1,000 events of 60 KiB are 60 MB."""
    fill(acme, FEW, 60 * 1024)
    assert peak(lambda: read_export(acme)) < 2 * MIB
    assert peak(lambda: read_import(acme, Stream(file_of(FEW, 60 * 1024)))) < 24 * MIB


@pytest.mark.parametrize("line", [b"\0" * MIB, b"\n" * MIB, b"{" * MIB, as_line(HEADER) + b" " * MIB])
def test_what_unpacks_to_no_end_is_refused_at_once(line: bytes, acme: Tenant) -> None:
    packed = gzip.compress(line * 100)
    assert len(packed) < 2 * MIB

    def refuse() -> None:
        with pytest.raises(Unprocessable, match=r"^Line [12]:"):
            read_import(acme, Gunzipped(Stream(iter([packed]))))

    assert peak(refuse) < 16 * MIB


def test_ten_gigabytes_are_refused_by_a_worker_of_flat_memory() -> None:
    """Packed small, by repeating one member: zeros are refused at the first line, rows at the bound."""
    zeros, rows = ten_gigabytes_of(b"\0"), ten_gigabytes_of(as_line(EVENT))
    with tempfile.TemporaryDirectory(prefix="memgraph-bomb-") as folder:
        Path(folder).chmod(0o755)
        with Server(prepared(Path(folder, "data")), IMPORT_MAX_BYTES=32 * MIB) as server, signed_in(server) as http:
            for body in (gzip.compress(b"{}"), zeros):  # the first, so that what is loaded at first use is there
                before = peak_resident(server)
                refused = http.post("/v1/admin/import", content=body, headers=GZIPPED)
                assert refused.json()["detail"].startswith("Line 1: "), refused.json()
            assert peak_resident(server) < before + 24 * MIB
            refused = http.post("/v1/admin/import", content=gzip.compress(as_line(HEADER)) + rows, headers=GZIPPED)
            assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
            assert peak_resident(server) < before + 48 * MIB
            assert http.get("/v1/events").json()["items"] == []
            assert http.get("/v1/stats").json()["total_events"] == 0


def test_ten_gigabytes_are_refused_by_the_command(acme: Tenant, tmp_path: Path) -> None:
    zeros, rows = tmp_path / "zeros.gz", tmp_path / "rows.gz"
    zeros.write_bytes(ten_gigabytes_of(b"\0"))
    rows.write_bytes(gzip.compress(as_line(HEADER)) + ten_gigabytes_of(as_line(EVENT)))

    def refuse(file: Path, fault: str) -> None:
        with pytest.raises(CommandError, match=fault):
            call_command("import_tenant", str(acme.id), str(file), "--max-bytes", str(8 * MIB), stdout=StringIO())

    assert peak(lambda: refuse(zeros, "^Line 1: ")) < 16 * MIB
    assert peak(lambda: refuse(rows, "larger than")) < 32 * MIB
    assert kept_rows(acme) == {}


def ten_gigabytes_of(unit: bytes) -> bytes:
    """Packed to some ten megabytes or less."""
    return gzip.compress(unit * (64 * MIB // len(unit)), 9) * 160


@contextmanager
def signed_in(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.wait_until_healthy().port}", timeout=120) as http:
        http.post("/v1/auth/onboard", json=PERSON).raise_for_status()
        form = {"username": PERSON["email"], "password": PASSWORD}
        token = http.post("/v1/auth/login", data=form).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


def peak_resident(server: Server) -> int:
    status = Path(f"/proc/{server.worker().pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_more_than_is_allowed_is_refused_when_it_is_reached(acme: Tenant) -> None:
    """Well-formed to no end: one and the same event."""
    packed = gzip.compress(as_line(HEADER) + as_line(EVENT) * 50_000)

    def refuse() -> None:
        with pytest.raises(PayloadTooLarge):
            read_import(acme, Gunzipped(Stream(iter([packed]))), most=4 * MIB)

    assert peak(refuse) < 32 * MIB
