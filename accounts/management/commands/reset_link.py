from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.passwords import find_resettable, make_reset_link
from tenants.actor import command_line_actor


class Command(BaseCommand):
    help = "Prints a link by which a tenant's person sets a new password: good once, for an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        user = find_resettable(address)
        if user is None:
            raise CommandError(
                "No active person of an active workspace has this address. For an operator: manage.py changepassword."
            )
        self.stdout.write(make_reset_link(user=user, actor=command_line_actor()).link)
