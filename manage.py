#!/usr/bin/env python
"""Django's commands. With the embedded database, they start it, or join whoever runs it."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.core.management import execute_from_command_line

from memgraph.embedded import EmbeddedDatabaseError, EmbeddedPostgres, database_for_command

WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "spectacular",
    "startapp",
    "version",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memgraph.settings")
    try:
        with database_around(sys.argv[1:]):
            try:
                execute_from_command_line(sys.argv)
            finally:
                wait_for_leases()
    except EmbeddedDatabaseError as error:
        sys.exit(f"memgraph: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def wait_for_leases() -> None:
    """A command that has taken authority away ends when no worker accepts it any more."""
    from tenants.lease import hold_response  # here: it needs Django

    hold_response()


def database_around(arguments: list[str]) -> AbstractContextManager[object]:
    if settings.EMBEDDED_DATABASE and needs_database(arguments):
        return database_for_command(EmbeddedPostgres(settings.DATA_DIR))
    return nullcontext()


def needs_database(arguments: list[str]) -> bool:
    command = arguments[0] if arguments else "help"
    asks_for_help = command.startswith("-") or "--help" in arguments or "-h" in arguments
    return not asks_for_help and command not in WITHOUT_DATABASE


if __name__ == "__main__":
    main()
