from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.asking import ask_password
from accounts.models import User, normalize_address
from accounts.passwords import replace_password
from tenants.actor import command_line_actor


class Command(BaseCommand):
    """Replaces Django's command, which ends no API session and writes no audit row."""

    help = "Sets a new password for an operator or a member. Ends all their sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="The e-mail address of the account.")

    def handle(self, *args: Any, address: str, **options: Any) -> None:
        user = User.objects.filter(email=normalize_address(address)).first()
        if user is None:
            raise CommandError("There is no such account.")
        password = ask_password(user, self.stderr)
        ended = replace_password(user=user, new_password=password, actor=command_line_actor())
        self.stdout.write(f"The password was changed. Sessions ended: {ended}.")
