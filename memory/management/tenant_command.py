from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.ids import parse_id
from tenants.models import Tenant


class TenantCommand(BaseCommand):
    """A command on one tenant, named by its id."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", help="its id")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = parse_id(options.pop("tenant"))
        tenant = tenant_id and Tenant.objects.filter(id=tenant_id).first()
        if not tenant:
            raise CommandError("There is no such tenant. Its id is in the operators' admin.")
        self.handle_tenant(tenant, **options)

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        raise NotImplementedError
