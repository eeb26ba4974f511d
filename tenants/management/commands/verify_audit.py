import argparse
import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.audit.checks import Place, find_faults, kept_head_fault
from tenants.ids import parse_id
from tenants.models import AuditHead


def kept_head(text: str) -> Place:
    if not (parts := re.fullmatch(r"([0-9]{1,18}):([0-9a-fA-F]{64})", text)):
        raise argparse.ArgumentTypeError("must be NUMBER:MAC, as in an export of the log")
    return Place(int(parts[1]), bytes.fromhex(parts[2]))


class Command(BaseCommand):
    help = "Verifies the audit log of every tenant, and names the first broken row of each chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head", type=kept_head, metavar="NUMBER:MAC", help="also compare with a head that was kept elsewhere"
        )
        parser.add_argument("--tenant", type=parse_id, metavar="ID", help="the tenant of that head")

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(find_faults())
        if options["head"] and (fault := kept_head_fault(options["head"], options["tenant"])):
            faults.append(fault)
        if faults:
            raise CommandError("The audit log was tampered with.\n" + "\n".join(faults))
        chains = AuditHead.objects.count()
        self.stdout.write(f"The audit log is intact: {chains} chains, every row in its place.")
