from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core import signing
from django.db.models import BooleanField, F, Func, Value
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT: Final = 50
LARGEST_LIMIT: Final = 200


def row_before(columns: list[str], values: list[Any]) -> Func:
    """`(a, b) < (x, y)`: PostgreSQL follows an index on (a, b) by it, which it doesn't by a chain of ORs."""
    row = Func(*map(F, columns), template="(%(expressions)s)", output_field=BooleanField())
    mark = Func(*map(Value, values), template="(%(expressions)s)", output_field=BooleanField())
    return Func(row, mark, template="%(expressions)s", arg_joiner=" < ", output_field=BooleanField())


class KeysetPagination(BasePagination):
    """Newest first, by the view's `ordering`: a page costs the same however far back it is.

    The cursor is signed for its tenant and list, so that it is opaque, and of no use elsewhere.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        columns = [name.removeprefix("-") for name in view.ordering]
        self.salt = f"cursor:{view.principal.tenant_id}:{view.basename or view.get_view_name()}"
        limit = read_limit(request.query_params.get("limit"))
        cursor = request.query_params.get("cursor")
        if cursor:
            queryset = queryset.filter(row_before(columns, self.read_cursor(cursor, len(columns))))
        rows = list(queryset.order_by(*view.ordering)[: limit + 1])
        last = rows[limit - 1] if len(rows) > limit else None
        self.next_cursor = self.make_cursor(last, columns) if last is not None else None
        return rows[:limit]

    def make_cursor(self, row: Any, columns: list[str]) -> str:
        return signing.dumps([str(getattr(row, name)) for name in columns], salt=self.salt)

    def read_cursor(self, cursor: str, length: int) -> list[UUID | datetime]:
        try:
            *moments, row_id = signing.loads(cursor, salt=self.salt)
        except (signing.BadSignature, ValueError):
            raise invalid("cursor", "This is not a cursor of this list.") from None
        return [*(parse_datetime(moment) or moment for moment in moments), UUID(row_id)]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next_cursor": self.next_cursor})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": schema,
                "next_cursor": {"type": ["string", "null"], "description": "For `?cursor=`; null at the end."},
            },
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {"name": "limit", "in": "query", "required": False, "schema": limit},
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
        ]


def read_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT):
        raise invalid("limit", f"Send a whole number from 1 to {LARGEST_LIMIT}.")
    return int(text)


def invalid(field: str, sentence: str) -> ValidationError:
    return ValidationError({field: [ErrorDetail(sentence, code="invalid")]})
