"""A data directory with an empty database: made once for all workers of a test run, and copied for each server.

For tests that don't look at the first start, which takes 4 s more CPU than the next ones.
"""

import fcntl
import subprocess
from pathlib import Path

from django.conf import settings

from tests.memgraph.processes import run


def prepared(data_dir: Path) -> Path:
    """Fills the data directory. It stays empty if PostgreSQL's account can't enter it: then the start fills it."""
    made = Path(settings.DATA_DIR, "prepared")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            done = run("manage.py", "migrate", MEMGRAPH_DATA_DIR=made)
            assert done.returncode == 0, done.stderr
    if not (made / "postgres").is_symlink():
        subprocess.run(["cp", "-a", made, data_dir], check=True)  # with its owners
    return data_dir
