"""Child processes that end with their parent, even if it is killed."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(signum: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """Returns a `preexec_fn`. Linux then sends the child `signum` when its parent ends, even by kill -9.

    `parent` is this process by default. Other systems can't do this: there the next start cleans up.
    """
    if sys.platform != "linux":
        return lambda: None
    parent = parent or os.getpid()
    libc = ctypes.CDLL(None)  # loaded here, because little is safe between fork and exec

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # the parent ended before prctl
            os.kill(os.getpid(), signum)

    return ask


def command_line(pid: int) -> str:
    """The command line of a process; "" if it has ended."""
    if not Path("/proc/self").exists():  # not Linux
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except OSError:
        return ""
