"""Keyset pagination: a page begins after the last row of the page before, so every page costs the same."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.core import signing
from django.db.models import BooleanField, F, Func, QuerySet, Value
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ErrorDetail, ValidationError

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200


class Page(NamedTuple):
    rows: list[Any]
    next_cursor: str | None


def keyset_page(
    rows: QuerySet[Any], *, ordering: Sequence[str], limit: int, cursor: str | None, tenant_id: UUID, name: str
) -> Page:
    """Returns a page, newest first. `ordering` names descending columns and ends with the id.

    The cursor is signed for its tenant and list, so clients can neither change it nor use it elsewhere.
    """
    columns = [column.removeprefix("-") for column in ordering]
    salt = f"cursor:{tenant_id}:{name}"
    if cursor:
        rows = rows.filter(row_before(columns, read_cursor(cursor, salt)))
    found = list(rows.order_by(*ordering)[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], None if last is None else make_cursor(last, columns, salt))


def row_before(columns: list[str], values: list[Any]) -> Func:
    """Builds `(a, b) < (x, y)`. PostgreSQL can use an index on (a, b) for this, but not for a chain of ORs."""
    row = Func(*map(F, columns), template="(%(expressions)s)", output_field=BooleanField())
    mark = Func(*map(Value, values), template="(%(expressions)s)", output_field=BooleanField())
    return Func(row, mark, template="%(expressions)s", arg_joiner=" < ", output_field=BooleanField())


def make_cursor(row: Any, columns: list[str], salt: str) -> str:
    values = row if isinstance(row, dict) else vars(row)
    return signing.dumps([str(values[name]) for name in columns], salt=salt)


def read_cursor(cursor: str, salt: str) -> list[UUID | datetime]:
    try:
        *moments, row_id = signing.loads(cursor, salt=salt)
    except (signing.BadSignature, ValueError):
        fault = ErrorDetail("This is not a cursor of this list.", code="invalid")
        raise ValidationError({"cursor": [fault]}) from None
    return [*(parse_datetime(moment) or moment for moment in moments), UUID(row_id)]


def read_limit(text: str | None) -> int:
    """Reads the query parameter `limit`. Raises 422 unless it is a whole number from 1 to 200."""
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT):
        fault = ErrorDetail(f"Send a whole number from 1 to {LARGEST_LIMIT}.", code="invalid")
        raise ValidationError({"limit": [fault]})
    return int(text)
