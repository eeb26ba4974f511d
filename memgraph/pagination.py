from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.keyset import DEFAULT_LIMIT, LARGEST_LIMIT, keyset_page, read_limit


class KeysetPagination(BasePagination):
    """Newest first, by the view's `ordering`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        rows, self.next_cursor = keyset_page(
            queryset,
            ordering=view.ordering,
            limit=read_limit(request.query_params.get("limit")),
            cursor=request.query_params.get("cursor"),
            tenant_id=view.principal.tenant_id,
            name=view.basename or view.get_view_name(),
        )
        return rows

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
