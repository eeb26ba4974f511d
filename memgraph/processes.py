"""Child processes that don't outlive us, whatever becomes of us."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(signum: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """A `preexec_fn`: Linux sends the child `signum` when its parent (we, if not told) is gone, by kill -9 too.

    Other systems have no such thing: there the next start clears away what was left.
    """
    if sys.platform != "linux":
        return lambda: None
    parent = parent or os.getpid()
    libc = ctypes.CDLL(None)  # here, not between fork and exec, where little is allowed

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # it went before we could ask
            os.kill(os.getpid(), signum)

    return ask


def command_line(pid: int) -> str:
    """The words of a running process; empty when it is gone."""
    if not Path("/proc/self").exists():  # not Linux
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except OSError:
        return ""
