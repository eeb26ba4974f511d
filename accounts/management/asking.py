"""Asks at the terminal for a new password."""

from getpass import getpass
from typing import Final

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, OutputWrapper

from accounts.models import User

TRIES: Final = 3


def ask_password(person: User, stderr: OutputWrapper) -> str:
    """Asks twice each time. CommandError if three tries give no acceptable password."""
    for _ in range(TRIES):
        password = getpass("Password: ")
        if password != getpass("Password (again): "):
            stderr.write("The passwords are not the same.")
        elif fault := fault_of(password, person):
            stderr.write(fault)
        else:
            return password
    raise CommandError("No password was set.")


def fault_of(password: str, person: User) -> str:
    """The reasons why the password is refused, one per line. "" if it is acceptable."""
    try:
        validate_password(password, person)
    except ValidationError as error:
        return "\n".join(error.messages)
    return ""
