from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from tenants.ids import parse_id
from tenants.models import Tenant


def chosen_tenants(text: str | None) -> QuerySet[Tenant]:
    """The tenant with this id, or all tenants. Raises CommandError if there is none."""
    tenants = Tenant.objects.order_by("id")
    if text is None:
        return tenants
    tenant_id = parse_id(text)
    tenants = tenants.filter(id=tenant_id) if tenant_id else tenants.none()
    if not tenants:
        raise CommandError("There is no such tenant. Look up its id at /admin/.")
    return tenants


class TenantCommand(BaseCommand):
    """A command on one tenant, named by its id."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", help="the tenant's id")

    def handle(self, *args: Any, **options: Any) -> None:
        self.handle_tenant(chosen_tenants(options.pop("tenant")).get(), **options)

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        raise NotImplementedError
