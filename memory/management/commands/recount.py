from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memory.counts.recount import recount
from memory.management.tenant_command import chosen_tenants


class Command(BaseCommand):
    help = "Counts all rows, and shows where the counts of /v1/stats differ. Without --repair, it then exits with 1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tenant", metavar="TENANT", nargs="?", help="the tenant's id; all tenants if left out")
        parser.add_argument("--repair", action="store_true", help="correct the counts; others may write meanwhile")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = chosen_tenants(options["tenant"])
        differences = 0
        for tenant_id in tenants.values_list("id", flat=True):
            found = recount(tenant_id, repair=options["repair"])
            lines = [str(drift) for drift in found.drifts]
            if found.strays:
                lines.append(f"users: {found.strays} missing or left over")
            for line in lines:
                self.stdout.write(f"tenant {tenant_id}: {line}")
            differences += len(lines)
        if not differences:
            self.stdout.write("All counts are right.")
        elif options["repair"]:
            self.stdout.write("Repaired.")
        else:
            raise CommandError("Some counts are wrong. Run it with --repair.")
