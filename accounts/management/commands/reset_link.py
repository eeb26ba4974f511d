from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.passwords import find_resettable, make_reset_link
from tenants.actor import command_line_actor


class Command(BaseCommand):
    help = "Prints a link to set a member's password. It works once, within an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="The e-mail address of the member.")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        user = find_resettable(address)
        if user is None:
            raise CommandError(
                "No active member of an active workspace has this e-mail address."
                " For an operator, use manage.py changepassword."
            )
        self.stdout.write(make_reset_link(user=user, actor=command_line_actor()).link)
