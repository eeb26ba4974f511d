import re
from argparse import ArgumentTypeError
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError

from memory.management.tenant_command import chosen_tenants
from memory.removal.retention import events_before, prune_events
from tenants.actor import command_line_actor
from tenants.serializers import LONGEST_RETENTION


def days(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,5})d?", text)
    if not match or not 1 <= int(match[1]) <= LONGEST_RETENTION:
        raise ArgumentTypeError(f"takes a number of days, such as 90d, up to {LONGEST_RETENTION}")
    return int(match[1])


class Command(BaseCommand):
    help = (
        "Deletes events that happened (by occurred_at, not by when they were written) longer ago than their tenant"
        " keeps them, in batches. Safe to interrupt, and safe to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=days, metavar="DAYS", help="such as 90d; overrides what the tenants have set"
        )
        parser.add_argument("--tenant", metavar="ID", help="only the tenant with this id")
        parser.add_argument("--dry-run", action="store_true", help="only count the events")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = chosen_tenants(options["tenant"])
        faults = []
        for tenant_id, kept_days in tenants.values_list("id", "event_retention_days"):
            if kept := options["older_than"] or kept_days:
                try:
                    self.prune(tenant_id, kept, dry_run=options["dry_run"])
                except OperationalError as error:  # go on with the other tenants
                    faults.append(f"tenant {tenant_id}: {error}")
        if faults:
            raise CommandError("\n".join(faults))

    def prune(self, tenant_id: UUID, kept: int, *, dry_run: bool) -> None:
        if dry_run:
            count, done = events_before(tenant_id, kept), "would be removed"
        else:
            count, done = prune_events(tenant_id=tenant_id, days=kept, actor=command_line_actor()), "removed"
        self.stdout.write(f"tenant {tenant_id}: {count} events older than {kept} days {done}")
