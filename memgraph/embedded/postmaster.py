"""Finds and stops the PostgreSQL of a cluster by its postmaster.pid, whatever process started it."""

import os
import signal
import time
from pathlib import Path

from memgraph.embedded.places import SOCKET_NAME, Places
from memgraph.processes import command_line

POLL_SECONDS = 0.02
# A fast shutdown; then an immediate one, from which the next start recovers without loss; then a kill.
STOP_STEPS = ((signal.SIGINT, 2.0), (signal.SIGQUIT, 1.0), (signal.SIGKILL, 1.0))


def find(cluster: Path) -> int | None:
    """The server's pid. The file may be stale and its pid reused, so the command line must match, too."""
    pid, _ = _read(cluster)
    return pid if pid and f"/postgres -D {cluster} -c " in command_line(pid) else None


def is_ready(cluster: Path) -> bool:
    return find(cluster) is not None and _read(cluster)[1] == "ready"


def stop(cluster: Path) -> None:
    pid = find(cluster)
    for signum, patience in STOP_STEPS:
        if pid is None:
            return
        os.kill(pid, signum)
        deadline = time.monotonic() + patience
        while pid is not None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            pid = find(cluster)


def clear_leftovers(places: Places) -> None:
    """Removes the files of a killed PostgreSQL, and stops one whose parent was killed.

    PostgreSQL refuses to start while the pid in a leftover file is in use, and containers soon reuse pids. Without the
    file it still finds live processes of the old server, by their shared memory.
    """
    stop(places.cluster)
    for leftover in (places.cluster / "postmaster.pid", places.sockets / SOCKET_NAME):
        leftover.unlink(missing_ok=True)
    (places.sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _read(cluster: Path) -> tuple[int | None, str]:
    """The pid and the state: lines 1 and 8 of postmaster.pid."""
    try:
        lines = (cluster / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None, ""
    pid = int(lines[0]) if lines and lines[0].isdigit() else None
    return pid, lines[7].strip() if len(lines) > 7 else ""
