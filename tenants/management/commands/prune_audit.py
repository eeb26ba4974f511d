from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants.actor import command_line_actor
from tenants.audit.removal import prune, prune_unchained
from tenants.models import AuditHead


class Command(BaseCommand):
    help = (
        "Deletes audit rows older than a number of days, and leaves checkpoints, so that the chains still verify."
        " Leaves a broken chain as it is, and names it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="1 to 36500")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["older_than"]
        if not 1 <= days <= 36500:
            raise CommandError("--older-than takes a number of days, 1 to 36500.")
        before, actor = timezone.now() - timedelta(days=days), command_line_actor()
        prunings: dict[str, Callable[[], int]] = {
            "rows without a tenant": partial(prune_unchained, before=before, actor=actor)
        }
        for tenant_id in AuditHead.objects.values_list("tenant_id", flat=True):
            prunings[f"tenant {tenant_id}"] = partial(prune, tenant_id=tenant_id, before=before, actor=actor)
        faults = [fault for name, pruning in prunings.items() if (fault := self.run(name, pruning))]
        if faults:
            raise CommandError("\n".join(faults))

    def run(self, name: str, pruning: Callable[[], int]) -> str | None:
        try:
            self.stdout.write(f"{name}: {pruning()} rows removed")
        except ValueError as error:
            return f"{name}: {error}"
        return None
