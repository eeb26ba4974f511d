"""Writes a tenant's memory as an export."""

import hashlib
from collections.abc import Generator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection, models
from django.utils import timezone
from psycopg import sql

from memory.transactions import tenant_transaction
from memory.transfer.format import FORMAT, ROW_TYPES, VERSION
from memory.transfer.lock import only_transfer
from memory.transfer.under_way import report_progress
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import record
from tenants.authority import acting
from tenants.models import Tenant
from tenants.watching import watching, while_allowed

CHUNK_BYTES: Final = 64 * 1024
USER_COLUMNS: Final = ("id", "email", "full_name", "role", "created_at")
LINES: Final = """
COPY (SELECT row_to_json(line) FROM (
    SELECT {columns} FROM {table} WHERE tenant_id = {tenant} ORDER BY id
) AS line) TO STDOUT
"""
MOMENT: Final = """to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS {column}"""


def export_tenant(*, tenant_id: UUID, actor: Actor) -> Generator[bytes]:
    """Yields a tenant's memory and people as NDJSON, in chunks, from one snapshot. Uses the same memory for any size.

    PostgreSQL makes the JSON, and COPY streams it. The SHA-256 in the footer covers all bytes before the footer's line.
    If the actor's authority ends, raises 401 or 403 within a second and yields no footer.
    """
    audit_export(tenant_id, actor)
    checksum = hashlib.sha256()
    counts: dict[str, int] = {}
    with (
        watching(actor.principal) as watch,
        tenant_transaction(tenant_id, snapshot=True, unhurried=True),
        only_transfer(tenant_id),
    ):
        header = orjson.dumps(make_header(tenant_id, timezone.now()), option=orjson.OPT_UTC_Z) + b"\n"
        checksum.update(header)
        yield header
        for name, statement in statements(tenant_id).items():
            report_progress("export", name)
            counts[name] = 0
            for chunk, lines in while_allowed(copied(statement), watch):
                counts[name] += lines
                checksum.update(chunk)
                yield chunk
        watch.check()
    yield orjson.dumps({"type": "footer", "counts": counts, "sha256": checksum.hexdigest()}) + b"\n"


def count_lines(tenant_id: UUID) -> int:
    """Roughly how many lines an export would have now. For a progress bar."""
    with tenant_transaction(tenant_id, unhurried=True):
        rows = sum(row_type.model._default_manager.filter(tenant_id=tenant_id).count() for row_type in ROW_TYPES)
    user_model = Tenant._meta.get_field("users").related_model
    return 2 + rows + user_model._default_manager.filter(tenant_id=tenant_id).count()


def audit_export(tenant_id: UUID, actor: Actor) -> None:
    """Uses its own transaction. The export's may last for hours, and would lock the tenant's audit log meanwhile."""
    with acting(actor), only_transfer(tenant_id):  # refuses before it writes the row
        record(Action.MEMORY_EXPORTED, actor=actor, tenant_id=tenant_id)


def make_header(tenant_id: UUID, now: datetime) -> dict[str, Any]:
    tenant = Tenant.objects.get(id=tenant_id)
    about = {"id": tenant.id, "name": tenant.name, "sector": tenant.sector, "created_at": tenant.created_at}
    return {"type": "header", "format": FORMAT, "version": VERSION, "tenant": about, "exported_at": now}


def statements(tenant_id: UUID) -> dict[str, sql.Composed]:
    """People are included for information, without passwords. An import creates no accounts."""
    memories = {
        row_type.name: lines_of(row_type.name, row_type.model, row_type.model.COLUMNS, tenant_id)
        for row_type in ROW_TYPES
    }
    user_model = Tenant._meta.get_field("users").related_model
    return {**memories, "user": lines_of("user", user_model, USER_COLUMNS, tenant_id)}


def lines_of(name: str, model: type[models.Model], columns: tuple[str, ...], tenant_id: UUID) -> sql.Composed:
    """COPY takes no parameters, so psycopg quotes the identifiers and the UUID into the text."""
    selected = [sql.SQL("{} AS type").format(sql.Literal(name))]
    for column in columns:
        is_moment = isinstance(model._meta.get_field(column), models.DateTimeField)
        template = sql.SQL(MOMENT) if is_moment else sql.SQL("{column}")
        selected.append(template.format(column=sql.Identifier(column)))
    return sql.SQL(LINES).format(
        columns=sql.SQL(", ").join(selected),
        table=sql.Identifier(model._meta.db_table),
        tenant=sql.Literal(str(tenant_id)),
    )


def copied(statement: sql.Composed) -> Generator[tuple[bytes, int]]:
    """Yields chunks of whole lines, each with its number of lines. In JSON text, COPY escapes only the backslash."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        lines: list[bytes] = []
        size = 0
        for line in copy:
            lines.append(bytes(line))
            size += len(line)
            if size >= CHUNK_BYTES:
                yield b"".join(lines).replace(b"\\\\", b"\\"), len(lines)
                lines, size = [], 0
        if lines:
            yield b"".join(lines).replace(b"\\\\", b"\\"), len(lines)
