from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from memory.episodes.building import build_tenant
from memory.management.tenant_command import chosen_tenants


class Command(BaseCommand):
    help = "Builds the episodes of session windows that are over. Safe to interrupt, and safe to run twice in parallel."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", nargs="?", help="the tenant's id; all tenants if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = chosen_tenants(options["tenant"])
        made = sum(map(build_tenant, tenants.values_list("id", flat=True)))
        self.stdout.write(f"{made} episode{'s' * (made != 1)} created.")
