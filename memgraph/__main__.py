"""`python -m memgraph`: runs the server, with the embedded database unless DATABASE_URL is set."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from django.conf import settings

from memgraph import startup
from memgraph.embedded import EmbeddedDatabaseError, EmbeddedPostgres, database_for_server, only_server
from memgraph.supervisor import Supervisor, hold_interrupts

CONFIGURATION = Path(__file__).resolve().parent.parent / "gunicorn.conf.py"
CRASH_PATIENCE = 5.0  # seconds until the last processes of a killed server are gone


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m memgraph", description="Runs Memgraph.")
    parser.add_argument("--reload", action="store_true", help="restart the workers when code changes")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "gunicorn", "-c", str(CONFIGURATION), *(["--reload"] if arguments.reload else [])]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memgraph.settings")
    signal.signal(signal.SIGTERM, _end)
    try:
        return run_embedded(command) if settings.EMBEDDED_DATABASE else run(command)
    except (startup.StartError, EmbeddedDatabaseError) as error:
        for line in str(error).splitlines():
            print(f"memgraph: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_embedded(command: list[str]) -> int:
    with only_server(settings.DATA_DIR, settings.PUBLIC_URL) as crashed:
        startup.check_port(settings.HOST, settings.PORT, patience=CRASH_PATIENCE if crashed else 0)
        startup.check_settings()
        with database_for_server(EmbeddedPostgres(settings.DATA_DIR, options=enough_connections())) as database:
            prepare_database()
            return Supervisor(database, command).run()


def enough_connections() -> dict[str, str]:
    """Twice what the workers need, because a reload runs old and new ones at the same time. And some for commands."""
    needed = settings.WEB_CONCURRENCY * settings.CONNECTIONS
    return {"max_connections": str(max(100, 2 * needed + 20))}


def run(command: list[str]) -> int:
    startup.check_port(settings.HOST, settings.PORT, patience=0)
    startup.check_settings()
    prepare_database()
    hold_interrupts()
    os.execv(command[0], command)


def prepare_database() -> None:
    startup.check_database()
    startup.migrate()
    print(startup.announcement(), flush=True)


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
