from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memory.deletion import delete_tenant
from tenants.actor import command_line_actor
from tenants.ids import parse_id
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Deletes a tenant with everything of it. Finishes, too, what was broken off."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", help="its id")
        parser.add_argument("--confirm", metavar="NAME", help="its name; asked for if it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = parse_id(options["tenant"])
        tenant = tenant_id and Tenant.objects.filter(id=tenant_id).first()
        if not tenant:
            raise CommandError("There is no such tenant. Its id is in the operators' admin.")
        name = options["confirm"]
        if name is None:
            name = input(f"This deletes {tenant.name} with everything of it. Type its name: ")
        if name != tenant.name:
            raise CommandError("This is not its name. Nothing was deleted.")
        deleted = delete_tenant(tenant_id=tenant.id, actor=command_line_actor())
        self.stdout.write(", ".join(f"{count} {kind}" for kind, count in deleted.items()) + " deleted.")
