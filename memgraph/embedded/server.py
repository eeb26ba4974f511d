"""The running PostgreSQL."""

import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from memgraph.embedded import binaries, cluster, postmaster
from memgraph.embedded.accounts import account_for
from memgraph.embedded.errors import EmbeddedDatabaseError
from memgraph.embedded.places import SOCKET_NAME, find_places
from memgraph.processes import die_with_parent

START_SECONDS = 60.0  # recovery after a crash may take a while
LOG_BYTES = 1024 * 1024
STILL_ATTACHED = "pre-existing shared memory block"


class EmbeddedPostgres:
    """Must not be started by two processes at the same time: see the locks in `sharing.py`."""

    def __init__(self, data_dir: Path, *, options: Mapping[str, str] | None = None) -> None:
        self.places = find_places(data_dir)
        self.options = dict(options or {})
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the server accepts connections."""
        deadline = time.monotonic() + START_SECONDS
        self.launch()
        while not self.running():
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedDatabaseError(f"The embedded PostgreSQL did not come up. See {self.places.log}")
            time.sleep(postmaster.POLL_SECONDS)
            if self.ended():
                self._launch_again()

    def launch(self) -> None:
        """Starts the server and returns immediately."""
        try:
            self._launch()
        except OSError as error:
            raise EmbeddedDatabaseError(
                f"The embedded PostgreSQL can't use {error.filename or self.places.home} ({error.strerror})."
                " Run as the user who created it, or set MEMGRAPH_DATA_DIR to a folder that you own."
            ) from error

    def running(self) -> bool:
        """Whether a PostgreSQL of this data directory accepts connections, even if another process started it."""
        return postmaster.is_ready(self.places.cluster)

    def ended(self) -> bool:
        """Whether the server that we started has ended."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        postmaster.stop(self.places.cluster)
        if self.process is not None:
            self.process.wait()

    def _launch(self) -> None:
        account = account_for(self.places.cluster)
        programs = binaries.usable_by(account.uid)
        postmaster.clear_leftovers(self.places)
        cluster.prepare(self.places, programs, account, sync=self.options.get("fsync") != "off")
        with self._open_log() as log:
            self.process = subprocess.Popen(
                [str(programs / "postgres"), "-D", str(self.places.cluster), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=cluster.ENVIRONMENT,
                start_new_session=True,  # Ctrl-C must not reach it: we stop it last
                preexec_fn=die_with_parent(signal.SIGINT),
                **account.run_as(),
            )

    def _launch_again(self) -> None:
        """After a kill -9 the old server's processes may need a moment to notice."""
        last_words = self.places.log.read_text(errors="replace").splitlines()[-3:]
        if not any(STILL_ATTACHED in line for line in last_words):
            reason = next((line for line in last_words if "FATAL" in line), "")
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL exited immediately. {reason} See {self.places.log}")
        time.sleep(0.1)
        self.launch()

    def _arguments(self) -> list[str]:
        sockets = str(self.places.sockets).replace('"', '""')
        options = {
            "listen_addresses": "",
            "port": SOCKET_NAME.rpartition(".")[2],
            "unix_socket_directories": f'"{sockets}"',
            "hba_file": str(self.places.run / "pg_hba.conf"),
            "ident_file": str(self.places.run / "pg_ident.conf"),
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Statements and error details contain user data, so they stay out of the log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            **self.options,
        }
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _open_log(self) -> IO[bytes]:
        log = self.places.log
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.old"))
        log.touch(mode=0o600)
        return log.open("ab")
