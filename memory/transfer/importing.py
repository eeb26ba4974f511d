"""Reads an export's lines and merges them into a tenant."""

import hashlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from memory.episodes.unsettled import add_spans
from memory.transactions import at_the_end, tenant_transaction
from memory.transactions.changes import count_rows, count_staged
from memory.transfer.format import EPISODE, EVENT, FORMAT, ROW_TYPES, VERSION, RowType
from memory.transfer.lines import Readable, parse_line, read_lines, refuse_line
from memory.transfer.lock import only_transfer
from memory.transfer.under_way import report_progress
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import record
from tenants.problems import Conflict
from tenants.watching import watching, while_allowed

STAGED_ROWS: Final = 5000
STAGED_BYTES: Final = 4 * 1024 * 1024
TYPES: Final = {row_type.name: row_type for row_type in ROW_TYPES}
MERGE: Final = """
WITH made AS (
    INSERT INTO {table} (tenant_id, written_by_key, written_by_user, {columns})
    SELECT %(tenant_id)s, %(written_by_key)s, %(written_by_user)s, {columns} FROM {staging} ORDER BY line
    ON CONFLICT DO NOTHING
    RETURNING {returning}
), users AS (
    INSERT INTO staged_user SELECT DISTINCT name FROM made
), dated AS (
    INSERT INTO staged_day SELECT day, count(*) FROM made WHERE day IS NOT NULL GROUP BY day
)
SELECT count(*), count(*) FILTER (WHERE counts) FROM made
"""
STAGED_SPANS: Final = "SELECT user_id, thread_id, min(occurred_at), max(occurred_at) FROM staged_event GROUP BY 1, 2"
BROKEN_REFERENCE: Final = """
SELECT min(line) FROM staged_reference r
WHERE NOT EXISTS (SELECT FROM memory_event e WHERE e.tenant_id = %s AND e.id = r.event_id)
"""


@dataclass
class Imported:
    """How many rows of each type were created, and how many existed already."""

    created: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES, 0))
    skipped: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TYPES, 0))


def import_tenant(
    *,
    tenant_id: UUID,
    authors: Mapping[str, UUID | None],
    stream: Readable,
    most: int | None,
    on_conflict: Literal["skip", "fail"],
    dry_run: bool,
    actor: Actor,
) -> Imported:
    """Imports an export, all of it or nothing, in one transaction.

    Rows keep their ids. If a row's id exists, or it is an active belief and its subject and key have an active one, the
    row is skipped; with `on_conflict="fail"` the import is refused (409). A bad line refuses it with its number (422).
    `authors`: the columns that say who wrote the rows. `most`: bytes, unpacked.
    """
    with (
        watching(actor.principal) as watch,
        tenant_transaction(tenant_id, by=actor.principal, unhurried=True),
        only_transfer(tenant_id),
    ):
        merge = Merge(tenant_id, authors, on_conflict)
        for number, size, row_type, row in while_allowed(read_rows(stream, most=most), watch):
            merge.stage(number, size, row_type, row)
        merge.finish()
        if dry_run:
            transaction.set_rollback(True)
        else:
            after = {"on_conflict": on_conflict, **vars(merge.imported)}
            at_the_end(partial(record, Action.MEMORY_IMPORTED, actor=actor, tenant_id=tenant_id, after=after))
    return merge.imported


def read_rows(stream: Readable, *, most: int | None) -> Generator[tuple[int, int, RowType, dict[str, Any]]]:
    """Yields each row with the number and the size of its line. Checks the header, the counts and the checksum."""
    checksum = hashlib.sha256()
    counts: dict[str, int] = {**dict.fromkeys(TYPES, 0), "user": 0}
    footer: dict[str, Any] | None = None
    number = 0
    for number, line in read_lines(stream, most=most):
        if footer is not None:
            raise refuse_line(number, "there are more lines after the footer")
        parsed = parse_line(number, line)
        kind = parsed.get("type")
        if number == 1:
            check_header(parsed)
        elif kind == "footer":
            footer = parsed
            check_footer(number, footer, counts, checksum.hexdigest())
        elif not isinstance(kind, str) or kind not in counts:
            raise refuse_line(number, "its type must be one of event, belief, episode, user, footer")
        else:
            counts[kind] += 1
            if row_type := TYPES.get(kind):
                yield number, len(line), row_type, read_row(number, row_type, parsed)
        checksum.update(line)
    if footer is None:
        raise refuse_line(number + 1, "the footer is missing: the file is incomplete")


def check_header(header: dict[str, Any]) -> None:
    if header.get("type") != "header" or header.get("format") != FORMAT:
        raise refuse_line(1, f"not the header of a {FORMAT} file")
    version = header.get("version")
    if version != VERSION or type(version) is not int:  # in Python, True == 1.0 == 1
        raise refuse_line(1, f"its version is not {VERSION}, the only supported version")


def check_footer(number: int, footer: dict[str, Any], counts: dict[str, int], checksum: str) -> None:
    if footer.get("sha256") != checksum:
        raise refuse_line(number, "the checksum doesn't match the preceding lines")
    counted = footer.get("counts")
    if counted != counts or any(type(count) is not int for count in counted.values()):
        raise refuse_line(number, "the counts don't match the preceding lines")


def read_row(number: int, row_type: RowType, parsed: dict[str, Any]) -> dict[str, Any]:
    try:
        return row_type.read(parsed)
    except ValueError as error:
        raise refuse_line(number, str(error)) from None


class Merge:
    """Collects rows, copies them into a staging table, and merges that into the real table in one statement.

    PostgreSQL refuses COPY into a table with row-level security. A temporary table has none.
    """

    def __init__(
        self, tenant_id: UUID, authors: Mapping[str, UUID | None], on_conflict: Literal["skip", "fail"]
    ) -> None:
        self.authors = {**authors, "tenant_id": tenant_id}
        self.tenant_id = tenant_id
        self.on_conflict = on_conflict
        self.imported = Imported()
        self.row_type: RowType = ROW_TYPES[0]
        self.rows: list[tuple[Any, ...]] = []
        self.size = 0
        count_staged()
        with connection.cursor() as cursor:
            for row_type in ROW_TYPES:
                cursor.execute(create_staging(row_type))
            cursor.execute("CREATE TEMPORARY TABLE staged_user (name text) ON COMMIT DROP")
            cursor.execute("CREATE TEMPORARY TABLE staged_day (day date, events integer) ON COMMIT DROP")
            cursor.execute("CREATE TEMPORARY TABLE staged_reference (line bigint, event_id uuid) ON COMMIT DROP")

    def stage(self, number: int, size: int, row_type: RowType, row: dict[str, Any]) -> None:
        if row_type is not self.row_type or len(self.rows) >= STAGED_ROWS or self.size >= STAGED_BYTES:
            self.flush()
            self.row_type = row_type
        self.rows.append((number, *row.values()))
        self.size += size

    def flush(self) -> None:
        if not self.rows:
            return
        report_progress("import", self.rows[-1][0])
        row_type, staging = self.row_type, staging_of(self.row_type)
        names = sql.SQL(", ").join(map(sql.Identifier, row_type.columns))
        table = sql.Identifier(row_type.table)
        with connection.cursor() as cursor:
            copy_in = sql.SQL("COPY {} (line, {}) FROM STDIN").format(staging, names)
            with cursor.copy(copy_in) as copy:
                for row in self.rows:
                    copy.write_row(row)
            returning = row_type.model.COUNTING.returning
            merge = sql.SQL(MERGE).format(table=table, columns=names, staging=staging, returning=returning)
            cursor.execute(merge, self.authors)
            made, counted = cursor.fetchone()
            count_rows(row_type.model, [(None, counted)])
            self.count(made)
            if row_type is EVENT:
                add_spans(self.tenant_id, STAGED_SPANS)
            if row_type is EPISODE:
                cursor.execute("INSERT INTO staged_reference SELECT line, unnest(event_ids) FROM staged_episode")
            cursor.execute(sql.SQL("TRUNCATE {}").format(staging))
        self.rows.clear()
        self.size = 0

    def count(self, created: int) -> None:
        skipped = len(self.rows) - created
        if skipped and self.on_conflict == "fail":
            raise Conflict(
                f"{skipped} of the {self.row_type.name}s up to line {self.rows[-1][0]} already exist here."
                " Nothing was imported.",
                code="import_conflict",
            )
        self.imported.created[self.row_type.name] += created
        self.imported.skipped[self.row_type.name] += skipped

    def finish(self) -> None:
        self.flush()
        with connection.cursor() as cursor:
            cursor.execute(BROKEN_REFERENCE, [self.authors["tenant_id"]])
            (line,) = cursor.fetchone()
        if line is not None:
            raise refuse_line(line, "event_ids names an event that is neither in the file nor here")


def staging_of(row_type: RowType) -> sql.Identifier:
    return sql.Identifier(f"staged_{row_type.name}")


def create_staging(row_type: RowType) -> sql.Composed:
    return sql.SQL(
        "CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT 0::bigint AS line, {} FROM {} WITH NO DATA"
    ).format(
        staging_of(row_type), sql.SQL(", ").join(map(sql.Identifier, row_type.columns)), sql.Identifier(row_type.table)
    )
