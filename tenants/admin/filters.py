from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants.ids import parse_id
from tenants.models import Role


class OfferedFilter(admin.SimpleListFilter):
    """A filter with fixed choices. Any other value is ignored and never reaches the database."""

    offered: ClassVar[Sequence[tuple[str, str]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return self.offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return self.narrow(queryset, value) if value and value in dict(self.offered) else queryset

    def narrow(self, queryset: Any, value: str) -> Any:
        raise NotImplementedError


class RoleFilter(OfferedFilter):
    title = parameter_name = "role"
    offered = Role.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(role=value)


class TenantFilter(admin.SimpleListFilter):
    """A text field for a tenant's name or id, because a list of all tenants would be too long."""

    title = parameter_name = "tenant"
    template = "admin/text_filter.html"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.others = [(name, value) for name, value in request.GET.items() if name not in ("tenant", "p", "e")]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("", "")]  # Django hides a filter that has no choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = (self.value() or "").replace("\0", "").strip()
        if not wanted:
            return queryset
        if tenant_id := parse_id(wanted):
            return queryset.filter(tenant_id=tenant_id)
        return self.narrow_by_name(queryset, wanted)

    def narrow_by_name(self, queryset: QuerySet[Any], name: str) -> QuerySet[Any]:
        return queryset.filter(tenant__name__icontains=name)
