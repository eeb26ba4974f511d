"""The system account that PostgreSQL runs as. PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from memgraph.embedded.errors import EmbeddedDatabaseError

SYSTEM_ACCOUNT = "memgraph"


class RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def run_as(self) -> RunAs:
        """Arguments for `subprocess`."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(cluster: Path) -> Account:
    """The current user. For root: the owner of the cluster, or a system account for a new cluster."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if cluster.exists():
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    entry = _system_account()
    return Account(entry.pw_uid, entry.pw_gid)


def user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EmbeddedDatabaseError(
            f"User id {os.geteuid()} has no name on this machine, and the embedded PostgreSQL needs one."
            " Run as a named user, or set DATABASE_URL."
        ) from None


def _system_account() -> pwd.struct_passwd:
    if not _exists(SYSTEM_ACCOUNT):
        _make(SYSTEM_ACCOUNT)
    # Falls back to the system account `nobody`: an image may have no useradd, or a read-only /etc.
    return pwd.getpwnam(SYSTEM_ACCOUNT if _exists(SYSTEM_ACCOUNT) else "nobody")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _make(name: str) -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    with suppress(FileNotFoundError):
        subprocess.run(command, check=False, capture_output=True, env={"PATH": path})
