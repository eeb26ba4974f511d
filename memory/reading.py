"""Reads a tenant's rows in one round trip, with statements that are compiled from querysets once.

Django compiles a queryset for every request, and a transaction with one query takes three round trips. For a list of 50
events that was more than half of its CPU.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from rest_framework.exceptions import NotFound

from memory.records import Remembered
from memory.transactions import read_in_tenant_trip
from postgres.statements import Statement
from tenants.ids import parse_id
from tenants.keyset import DEFAULT_LIMIT, Page, make_cursor, read_cursor, row_before


class Compiled(NamedTuple):
    statement: Statement
    columns: list[str]


class Reader:
    """Reads the rows of one list. `rows` returns all of them, of one tenant."""

    def __init__(self, name: str, rows: Callable[[UUID], QuerySet[Any]], ordering: tuple[str, ...]) -> None:
        self.name = name
        self.rows = rows
        self.ordering = ordering
        self.columns = [column.removeprefix("-") for column in ordering]
        self.compiled: dict[tuple[Any, ...], Compiled] = {}  # at most one per set of filters and limit

    def page(self, tenant_id: UUID, filters: Mapping[str, Any], *, limit: int, cursor: str | None) -> Page:
        """Returns a page, newest first. Works like `tenants.keyset.keyset_page`."""
        salt = f"cursor:{tenant_id}:{self.name}"
        before = read_cursor(cursor, salt) if cursor else []
        found = self.read(tenant_id, filters, before=before, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return Page(as_json(found[:limit]), None if last is None else make_cursor(last, self.columns, salt))

    def row(self, tenant_id: UUID, text: str) -> dict[str, Any]:
        """Returns the row with an id from a request, or raises 404."""
        row_id = parse_id(text)
        found = self.read(tenant_id, {"id": row_id}, before=[], limit=1) if row_id else []
        if not found:
            raise NotFound()
        return as_json(found)[0]

    def read(
        self, tenant_id: UUID, filters: Mapping[str, Any], *, before: list[Any], limit: int
    ) -> list[dict[str, Any]]:
        named = sorted(filters.items())
        kind = tuple(name for name, _ in named), bool(before), limit
        values = [tenant_id, *(value for _, value in named), *before]
        if kind not in self.compiled:
            self.compiled[kind] = self.compile(tenant_id, filters, before, limit, values)
        statement, columns = self.compiled[kind]
        (rows,) = read_in_tenant_trip(tenant_id, (statement, dict(zip(statement.parameters, values, strict=True))))
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def compile(
        self, tenant_id: UUID, filters: Mapping[str, Any], before: list[Any], limit: int, values: list[Any]
    ) -> Compiled:
        """Prepares only what nearly every client asks for: the usual limit, and no more filters than an index serves.

        PostgreSQL plans a prepared statement without knowing the values. With several filters, the best plan depends on
        them.
        """
        rows = self.rows(tenant_id).filter(**filters)
        if before:
            rows = rows.filter(row_before(self.columns, before))
        sql, parameters = as_dicts(rows.order_by(*self.ordering)[:limit]).query.sql_with_params()
        if list(parameters) != values:
            raise AssertionError(f"The parameters come in another order: {sql}")
        for number in range(len(values)):
            sql = sql.replace("%s", f"%(p{number})s", 1)
        is_prepared = len(filters) <= 1 and limit in (1, DEFAULT_LIMIT + 1)
        return Compiled(Statement(sql, is_prepared=is_prepared), columns_of(rows.model))


def columns_of(model: type[Remembered]) -> list[str]:
    """Those of `as_dicts`, in its order."""
    plain = [name for name in model.COLUMNS if name != "content"]
    return [*plain, "content_text"] if "content" in model.COLUMNS else plain


def as_dicts(rows: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    """The same query without models and serializers, which would take most of a list's time. Pass it to `as_json`."""
    texts = {"content_text": Cast("content", TextField())} if "content" in rows.model.COLUMNS else {}
    return rows.values(*(name for name in columns_of(rows.model) if name not in texts), **texts)


def as_json(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `as_dicts`, ready to be answered. The renderer writes ids and times as a serializer would."""
    rows = list(rows)
    for row in rows:
        if "content_text" in row:
            row["content"] = orjson.loads(row.pop("content_text"))
        if "event_ids" in row:
            row["event_count"] = len(row["event_ids"])
    return rows


def row_as_json(row: Remembered) -> dict[str, Any]:
    return as_json([{name: getattr(row, name) for name in row.COLUMNS}])[0]
