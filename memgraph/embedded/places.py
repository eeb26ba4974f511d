"""Where the embedded PostgreSQL keeps its files. The paths are the same at every start."""

import errno
import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

SYSTEM_HOME = Path("/var/lib/memgraph")
SOCKET_NAME = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes


@dataclass(frozen=True)
class Places:
    data_dir: Path
    home: Path  # holds the cluster: the data dir, or a system folder
    sockets: Path

    @property
    def cluster(self) -> Path:
        return self.home / "postgres"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def log(self) -> Path:
        return self.run / "postgres.log"


def socket_directory(data_dir: Path) -> Path:
    """The folder of the database's socket. Creates `data_dir`, but starts nothing."""
    try:
        return find_places(data_dir).sockets
    except OSError as error:
        reason = f"{data_dir} can't be used ({error.strerror})"
        sys.exit(f"memgraph: {reason}. Set MEMGRAPH_DATA_DIR to a folder that you own.")


def find_places(data_dir: Path) -> Places:
    data_dir = data_dir.resolve()
    _make_data_dir(data_dir)
    home = _home(data_dir)
    return Places(data_dir, home, _sockets(data_dir, home))


def is_reachable(path: Path) -> bool:
    """Whether an account that owns nothing here may pass through every folder down to `path`."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def make_home(places: Places) -> None:
    """Creates missing folders around the cluster. Doesn't change existing ones."""
    if places.home != places.data_dir:
        make_system_folder(places.home)
    _make_open(places.run)


def make_system_folder(folder: Path) -> None:
    _make_open(SYSTEM_HOME)
    _make_open(folder)


def _make_open(folder: Path) -> None:
    """PostgreSQL's account must be able to enter folders that root creates, whatever root's umask."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def _make_data_dir(data_dir: Path) -> None:
    if not data_dir.is_dir():
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
    if not os.access(data_dir, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _home(data_dir: Path) -> Path:
    """The data dir, unless we run as root and PostgreSQL's unprivileged account can't reach it.

    An existing cluster stays where it is, even if folder modes change. A link in the data dir points to another home.
    """
    cluster = data_dir / "postgres"
    if cluster.is_symlink():
        return cluster.readlink().parent
    if cluster.exists() or os.geteuid() != 0 or is_reachable(data_dir):
        return data_dir
    return SYSTEM_HOME / digest(data_dir)


def _sockets(data_dir: Path, home: Path) -> Path:
    """A folder whose path fits a socket. Ignores TMPDIR and XDG_RUNTIME_DIR, which may differ between processes."""
    sockets = home / "run" / "sockets"
    if len(os.fsencode(sockets / SOCKET_NAME)) <= LONGEST_SOCKET_PATH:
        return sockets
    if os.geteuid() == 0:
        return SYSTEM_HOME / digest(data_dir) / "sockets"
    return Path(f"/tmp/memgraph-{os.geteuid()}-{digest(data_dir)}")  # noqa: S108 - refused unless it is private to us


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
