from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants.actor import command_line_actor
from tenants.audit_checks import prune
from tenants.models import AuditHead


class Command(BaseCommand):
    help = "Removes audit rows older than a number of days, and leaves a checkpoint, so that the chain still holds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="at least 1")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["older_than"]
        if days < 1:
            raise CommandError("--older-than takes a number of days, at least 1.")
        before = timezone.now() - timedelta(days=days)
        for tenant_id in AuditHead.objects.values_list("tenant_id", flat=True):
            try:
                count = prune(tenant_id=tenant_id, before=before, actor=command_line_actor())
            except ValueError as error:
                raise CommandError(f"tenant {tenant_id}: {error}") from None
            self.stdout.write(f"tenant {tenant_id}: {count} rows removed")
