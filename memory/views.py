"""Bases of the views of events, beliefs and episodes."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from memory.reading import Reader
from tenants.keyset import read_limit
from tenants.limits.bodies import LARGE_BATCH, LARGE_BODY, MANY_VALUES
from tenants.permissions import IsTenantEditor
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import TenantAPIView, TenantViewSet


class MemoryViewSet(TenantViewSet):
    """Lists rows, and reads the row with an id, each in one round trip."""

    largest_body = LARGE_BODY
    filter_serializer: ClassVar[type[serializers.Serializer[Any]]]
    reader: ClassVar[Reader]  # of the list
    row_reader: ClassVar[Reader]  # of any row, if the list doesn't hold all of them

    def get_object(self) -> Any:
        rows: Any = self.get_queryset()
        return rows.with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        query = request.query_params
        filters = checked(self.filter_serializer, query.dict())
        rows, next_cursor = self.reader.page(
            self.principal.tenant_id, filters, limit=read_limit(query.get("limit")), cursor=query.get("cursor")
        )
        return Response({"items": rows, "next_cursor": next_cursor})

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(self.row_reader.row(self.principal.tenant_id, id))


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
