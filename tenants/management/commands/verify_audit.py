from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.audit_checks import find_faults
from tenants.models import AuditHead


class Command(BaseCommand):
    help = "Checks the chain of the audit log of every tenant, and names the first broken row of each."

    def handle(self, *args: Any, **options: Any) -> None:
        faults = list(find_faults())
        if faults:
            raise CommandError("The audit log was tampered with.\n" + "\n".join(faults))
        self.stdout.write(f"The audit log holds: {AuditHead.objects.count()} chains, every row in its place.")
