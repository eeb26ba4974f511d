from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memory.consolidation import settle_tenant
from tenants.ids import parse_id
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Makes episodes of the stretches of events that are over. Safe to break off and to run twice at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", nargs="?", help="its id; all tenants if it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = Tenant.objects.order_by("id")
        if options["tenant"] is not None:
            tenant_id = parse_id(options["tenant"])
            tenants = tenants.filter(id=tenant_id) if tenant_id else tenants.none()
            if not tenants:
                raise CommandError("There is no such tenant. Its id is in the operators' admin.")
        made = sum(map(settle_tenant, tenants.values_list("id", flat=True)))
        self.stdout.write(f"{made} episode{'s' * (made != 1)} made.")
