"""The parent of gunicorn and the embedded PostgreSQL: forwards signals, restarts both, and stops both."""

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
STEADY_SECONDS = 5.0  # a gunicorn that ran for so long could start, and is started again whenever it stops
LONGEST_PAUSE = 30.0


class Supervisor:
    def __init__(self, database: EmbeddedPostgres, command: list[str]) -> None:
        self.database = database
        self.command = command
        self.signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.relaunches = 0
        self.stops = 0  # of gunicorn, in a row
        self.launch_at = 0.0
        self.was_steady = False
        self.has_terminal = os.isatty(0)

    def run(self) -> int:
        """Runs until a signal stops it. Returns the exit code."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(signum, self._queue_signal)
        self._launch_gunicorn()
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
            if signum == signal.SIGHUP and self.gunicorn.poll() is None:
                self.gunicorn.send_signal(signal.SIGHUP)
            if not self._keep_database() or not self._keep_gunicorn():
                return 1

    def _next_signal(self) -> int | None:
        try:
            return self.signals.get(timeout=min(1.0, max(0.0, self.launch_at - time.monotonic()) or 1.0))
        except queue.Empty:
            return None

    def _end_gunicorn(self, patience: float) -> int:
        self.gunicorn.terminate()
        with suppress(subprocess.TimeoutExpired):  # run() kills it
            self.gunicorn.wait(patience)
        return 0

    def _launch_gunicorn(self) -> None:
        self.gunicorn = subprocess.Popen(self.command, preexec_fn=_gunicorn_child())
        self.launched_at, self.launch_at = time.monotonic(), 0.0

    def _keep_gunicorn(self) -> bool:
        """Restarts a gunicorn that has stopped, after a pause that doubles each time.

        Returns False if it never ran, unless it was killed: then the settings or the code are wrong.
        """
        now, code = time.monotonic(), self.gunicorn.poll()
        if code is None:
            if now - self.launched_at >= STEADY_SECONDS:
                self.stops, self.was_steady = 0, True
        elif not self.launch_at:
            print(f"memgraph: gunicorn stopped unexpectedly (code {code}).", file=sys.stderr)
            if code > 0 and not self.was_steady:
                return False
            self.launch_at = now + min(LONGEST_PAUSE, RELAUNCH_SECONDS * 2**self.stops)
            self.stops += 1
        elif now >= self.launch_at:
            self._launch_gunicorn()
        return True

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
