"""The parent of gunicorn and the embedded PostgreSQL: forwards signals, restarts the database, stops both."""

import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from memgraph.embedded import EmbeddedPostgres
from memgraph.processes import die_with_parent

# How long gunicorn may take to stop. Together with the database, Ctrl-C takes at most 5 s.
PATIENCE = {signal.SIGINT: 2.5, signal.SIGTERM: 28.0}
RELAUNCH_SECONDS = 0.1
RELAUNCHES = 100


class Supervisor:
    def __init__(self, database: EmbeddedPostgres, command: list[str]) -> None:
        self.database = database
        self.command = command
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.relaunches = 0
        self.has_terminal = os.isatty(0)

    def run(self) -> int:
        """Runs until a signal stops it. Returns the exit code."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signum, self._queue_signal)
        self.gunicorn = subprocess.Popen(self.command, preexec_fn=_gunicorn_child())
        try:
            return self._watch()
        finally:
            self.gunicorn.kill()
            self.gunicorn.wait()

    def _queue_signal(self, signum: int, frame: FrameType | None) -> None:
        self.signals.put(signum)

    def _watch(self) -> int:
        while True:
            signum = self._next_signal()
            if signum == signal.SIGHUP and self.has_terminal and _terminal_is_gone():
                signum = signal.SIGTERM  # the window was closed
            if signum in PATIENCE:
                return self._end_gunicorn(PATIENCE[signal.Signals(signum)])
            if self.gunicorn.poll() is not None:
                print(f"memgraph: gunicorn stopped unexpectedly (code {self.gunicorn.returncode}).", file=sys.stderr)
                return 1
            if signum == signal.SIGHUP:
                self.gunicorn.send_signal(signal.SIGHUP)
            if not self._keep_database():
                return 1

    def _next_signal(self) -> int | None:
        try:
            return self.signals.get(timeout=1.0)
        except queue.Empty:
            return None

    def _end_gunicorn(self, patience: float) -> int:
        self.gunicorn.terminate()
        with suppress(subprocess.TimeoutExpired):  # run() kills it
            self.gunicorn.wait(patience)
        return 0

    def _keep_database(self) -> bool:
        """Restarts a PostgreSQL that has died. Returns False when it has failed too often in a row."""
        if not self.database.ended():
            self.relaunches = 0
            return True
        self.relaunches += 1
        if self.relaunches > RELAUNCHES:
            print(f"memgraph: PostgreSQL keeps stopping. See {self.database.places.log}", file=sys.stderr)
            return False
        if self.relaunches == 1:
            print("memgraph: PostgreSQL stopped unexpectedly. Restarting it.", file=sys.stderr)
        else:
            time.sleep(RELAUNCH_SECONDS)  # the old server's processes may need a moment to end
        self.database.launch()
        return True


def _gunicorn_child() -> Callable[[], None]:
    ask = die_with_parent(signal.SIGTERM)

    def prepare() -> None:
        ask()
        hold_interrupts()

    return prepare


def hold_interrupts() -> None:
    """Blocks SIGINT, which would end a starting gunicorn with a traceback. gunicorn.conf.py unblocks it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _terminal_is_gone() -> bool:
    try:
        os.tcgetpgrp(0)
    except OSError:
        return True
    return False
