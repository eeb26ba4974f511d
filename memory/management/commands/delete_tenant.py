from typing import Any

from django.core.management.base import CommandError, CommandParser

from memory.management.tenant_command import TenantCommand
from memory.removal.tenant import delete_tenant
from tenants.actor import command_line_actor
from tenants.models import Tenant


class Command(TenantCommand):
    help = "Deletes a tenant and all its rows. Also finishes a deletion that was interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--confirm", metavar="NAME", help="the tenant's name; the command asks for it if left out")

    def handle_tenant(self, tenant: Tenant, **options: Any) -> None:
        name = options["confirm"]
        if name is None:
            name = input(f"This deletes {tenant.name} and all its rows. Type its name: ")
        if name != tenant.name:
            raise CommandError("This is not the name of the workspace. Nothing was deleted.")
        deleted = delete_tenant(tenant_id=tenant.id, actor=command_line_actor())
        self.stdout.write(", ".join(f"{count} {kind}" for kind, count in deleted.items()) + " deleted.")
