import os
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts.management.asking import ask_password, fault_of
from accounts.models import User, normalize_address
from accounts.operators import make_operator
from tenants.actor import command_line_actor
from tenants.problems import Conflict


class Command(BaseCommand):
    """Replaces Django's command, which writes no audit row and lets the user bypass the password validators."""

    help = "Creates an operator for /admin/. With --noinput the password comes from DJANGO_SUPERUSER_PASSWORD."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", help="prompted for, or read from DJANGO_SUPERUSER_EMAIL with --noinput")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="never prompt")

    def handle(self, *args: Any, email: str | None, interactive: bool, **options: Any) -> None:
        if interactive and not sys.stdin.isatty():
            raise CommandError("This is not a terminal. Set DJANGO_SUPERUSER_PASSWORD, and pass --email and --noinput.")
        address = checked_address(email or (input("E-mail address: ") if interactive else from_environment("EMAIL")))
        person = User(email=address)
        if interactive:
            password = ask_password(person, self.stderr)
        elif fault := fault_of(password := from_environment("PASSWORD"), person):
            raise CommandError(fault)
        try:
            make_operator(email=address, password=password, actor=command_line_actor())
        except Conflict as conflict:
            raise CommandError(str(conflict.detail)) from None
        if options["verbosity"]:
            self.stdout.write("The operator was created.")


def from_environment(name: str) -> str:
    value = os.environ.get(f"DJANGO_SUPERUSER_{name}", "")
    if not value:
        raise CommandError(f"Set DJANGO_SUPERUSER_{name}.")
    return value


def checked_address(text: str) -> str:
    """Refuses an invalid or taken e-mail address before asking for a password."""
    address = normalize_address(text)
    try:
        validate_email(address)
    except ValidationError:
        raise CommandError("This is not an e-mail address.") from None
    if User.objects.filter(email=address).exists():
        raise CommandError("This e-mail address has an account. Choose another one.")
    return address
