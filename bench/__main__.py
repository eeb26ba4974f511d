"""`python -m bench`: Memgraph beside its peers, as a table with the limits. See bench/README.md."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command

from memgraph.embedded import EmbeddedPostgres, database_for_command

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = {"max_connections": "200"}  # for the pools of all servers; the rest, durability too, is PostgreSQL's default


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", default="", help="such as R4,W1; all if left out")
    parser.add_argument("--scale", default="full", choices=["full", "small"])
    parser.add_argument("--rounds", type=int, help="3, or 1 on the small scale")
    parser.add_argument("--seconds", type=int, help="of each measurement by wrk: 6, or 1 on the small scale")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-bench/bin/python", help="the Python that runs them")
    options = parser.parse_args()
    small = options.scale == "small"
    options.rounds = options.rounds or (1 if small else 3)
    options.seconds = options.seconds or (1 if small else 6)
    if shutil.which("wrk") is None:
        sys.exit("bench: wrk is not installed (Debian's package `wrk`).")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with database() as data_dir:
        # Here: what it imports reads the settings.
        from bench.run import run

        for line in run(options, data_dir):
            print(line, flush=True)


@contextmanager
def database() -> Iterator[Path]:
    """A PostgreSQL with nothing but Memgraph's schema in it, for Django here and for the servers."""
    with tempfile.TemporaryDirectory(prefix="memgraph-bench-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        os.environ.pop("DATABASE_URL", None)
        os.environ.update(MEMGRAPH_DATA_DIR=folder, DJANGO_SETTINGS_MODULE="memgraph.settings")
        with database_for_command(EmbeddedPostgres(data_dir, options=OPTIONS)):
            django.setup()
            call_command("migrate", interactive=False, verbosity=0)
            yield data_dir


if __name__ == "__main__":
    main()
