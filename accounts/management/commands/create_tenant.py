from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.invitations import create_tenant
from accounts.models import normalize_address
from tenants.actor import command_line_actor
from tenants.problems import Conflict


class Command(BaseCommand):
    help = "Creates a tenant and prints an invitation link for its first admin. Use it if SIGNUP=invite."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("address", help="The e-mail address of the first admin.")

    def handle(self, *args: Any, name: str, address: str, **options: Any) -> None:
        email = normalize_address(address)
        try:
            validate_email(email)
            invited = create_tenant(name=name, email=email, actor=command_line_actor())
        except ValidationError:
            raise CommandError("This is not an e-mail address.") from None
        except Conflict as conflict:
            raise CommandError(str(conflict.detail)) from None
        self.stdout.write(invited.link)
