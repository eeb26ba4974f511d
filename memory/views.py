"""Bases of the views of events, beliefs and episodes, and the rows as the API returns them."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

import orjson
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from memory.records import Remembered
from memory.transactions import tenant_transaction
from tenants.limits.bodies import LARGE_BATCH, LARGE_BODY, MANY_VALUES
from tenants.permissions import IsTenantEditor
from tenants.serializers import checked
from tenants.views import TenantAPIView, TenantViewSet


def as_dicts(rows: QuerySet[Any]) -> QuerySet[Any, dict[str, Any]]:
    """The same query without models and serializers, which would take most of a list's time. Pass it to `as_json`."""
    columns = rows.model.COLUMNS
    texts = {"content_text": Cast("content", TextField())} if "content" in columns else {}
    return rows.values(*(name for name in columns if name != "content"), **texts)


def as_json(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `as_dicts`, ready for the response. The renderer writes ids and times as a serializer would."""
    rows = list(rows)
    for row in rows:
        if "content_text" in row:
            row["content"] = orjson.loads(row.pop("content_text"))
        if "event_ids" in row:
            row["event_count"] = len(row["event_ids"])
    return rows


def row_as_json(row: Remembered) -> dict[str, Any]:
    return as_json([{name: getattr(row, name) for name in row.COLUMNS}])[0]


class MemoryViewSet(TenantViewSet):
    """Lists rows, and reads the row with an id, inside the tenant's transaction."""

    largest_body = LARGE_BODY
    filter_serializer: ClassVar[type[serializers.Serializer[Any]]]

    def listed(self) -> Any:
        return self.get_queryset()

    def get_object(self) -> Any:
        rows: Any = self.get_queryset()
        return rows.with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        filters = checked(self.filter_serializer(data=request.query_params.dict()))
        with tenant_transaction(self.principal.tenant_id):
            page = self.paginate_queryset(as_dicts(self.listed().filter(**filters)))
        return self.get_paginated_response(as_json(page or []))

    def retrieve(self, request: Request, id: str) -> Response:
        with tenant_transaction(self.principal.tenant_id):
            row = self.get_object()
        return Response(row_as_json(row))


class BatchView(TenantAPIView):
    """Writes many rows: all or none. The body is parsed inside the service's slot."""

    access: ClassVar = {"POST": [IsTenantEditor]}
    largest_body = LARGE_BATCH
    most_values = MANY_VALUES
    reads_body_first = False

    def sent(self, name: str, *, most: int) -> dict[str, Any]:
        size = int(self.request.META.get("CONTENT_LENGTH") or LARGE_BATCH)  # a chunked body may have any size
        return {"principal": self.principal, "size": size, "read": partial(self.items, name, most=most)}

    def items(self, name: str, *, most: int) -> list[Any]:
        """The list with this name in the body, of 1 to `most` items."""
        body = self.read_body()
        items = body.get(name) if isinstance(body, dict) else None
        if not isinstance(items, list) or not 1 <= len(items) <= most:
            fault = ErrorDetail(f"Send a list of 1 to {most:,}.", code="invalid_length")
            raise ValidationError({name: [fault]})
        for item in items:
            if isinstance(item, Mapping) and "tenant_id" in item:
                self.refuse_other_tenant(item)
        return items
