"""A workspace with so much in it that no buffer holds its export, and somebody who reads it slowly."""

import socket
import time
from typing import Final

from django.db import connection

from memory.transactions import tenant_transaction
from tests.attack.authority.calls import Call, connect
from tests.attack.authority.cast import Cast

MUCH: Final = 200  # events, and entries of the audit log, each of nearly 64 KB
WINDOW_BYTES: Final = 32 * 1024
EVENTS: Final = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, occurred_at)
SELECT %(tenant)s, gen_random_uuid(), now(), 'x', jsonb_build_object('text', repeat('x', 60000)), 'ada', now()
FROM generate_series(1, %(much)s)
"""
ENTRIES: Final = """
INSERT INTO tenants_auditentry (id, tenant_id, number, at, action, actor_kind, actor_label, target_label, after, agent,
    request_id, kid, mac)
SELECT gen_random_uuid(), %(tenant)s, 1000 + i, now(), 'key.changed', 'user', '', '',
    jsonb_build_object('text', repeat('x', 60000)), '', '', 'default', ''
FROM generate_series(1, %(much)s) AS i
"""
HEAD: Final = "UPDATE tenants_audithead SET count = 1000 + %(much)s WHERE tenant_id = %(tenant)s"


def make_much(cast: Cast) -> Cast:
    values = {"tenant": cast.tenant.id, "much": MUCH}
    with tenant_transaction(cast.tenant.id), connection.cursor() as cursor:
        cursor.execute(EVENTS, values)
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, values)
        cursor.execute(HEAD, values)
    return cast


def begin(port: int, call: Call) -> socket.socket:
    """Reads the first bytes of an answer, and then no more for now."""
    reading = connect(port, receive_bytes=WINDOW_BYTES)
    reading.sendall(call.head + call.body)
    first = reading.recv(4096)
    assert b" 200 OK" in first, first
    return reading


def begin_export(port: int, credential: dict[str, str]) -> socket.socket:
    return begin(port, Call("GET", "/v1/admin/export", credential))


def read_slowly(reading: socket.socket, seconds: float) -> bytes:
    """For so long, at a few hundred KiB a second."""
    read, until = b"", time.monotonic() + seconds
    while time.monotonic() < until:
        chunk = reading.recv(8192)
        if not chunk:
            break
        read += chunk
        time.sleep(0.02)
    return read


def read_on(reading: socket.socket) -> bytes:
    """The rest, as fast as it comes. The server may break the connection off."""
    chunks = []
    while True:
        try:
            chunk = reading.recv(1024 * 1024)
        except ConnectionResetError:
            return b"".join(chunks)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
