"""Creates .venv and installs a requirements file, unless .venv is up to date. For the Makefile; needs Python only."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
# Each includes the ones before it.
REQUIREMENTS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
INSTALLER = "requirements-pip.txt"
# Wheels only: to build a package, pip would download and run its build requirements without checking hashes.
INSTALL = ("install", "--require-hashes", "--only-binary", ":all:", "--no-input")


def main(wanted: str) -> None:
    if installed() < REQUIREMENTS.index(wanted):
        STAMP.unlink(missing_ok=True)
        make_environment()
        renew_installer()
        install(wanted)
        STAMP.write_text(f"{digest()}\n{wanted}\n")


def installed() -> int:
    """The index in REQUIREMENTS of what .venv contains. -1 if it is empty or out of date."""
    if not STAMP.exists():
        return -1
    found_digest, found = STAMP.read_text().split()
    return REQUIREMENTS.index(found) if found_digest == digest() else -1


def digest() -> str:
    """A hash of everything that makes a new installation necessary. Scripts in .venv contain its path."""
    content = b"".join((ROOT / name).read_bytes() for name in (INSTALLER, *REQUIREMENTS))
    return hashlib.sha256(content + bytes(ROOT) + sys.version.encode()).hexdigest()


def make_environment() -> None:
    if (
        PYTHON.exists()
        and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    ):
        return
    print(f"Making .venv with Python {sys.version.split()[0]} ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(done.stdout + done.stderr)


def renew_installer() -> None:
    """Python comes with an old pip, and up to 3.11 with an old setuptools, which nothing here needs."""
    for arguments in ((*INSTALL, "-r", INSTALLER), ("uninstall", "--yes", "setuptools")):
        done = subprocess.run(pip(*arguments), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)


def pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def install(requirements: str) -> None:
    print(f"Installing {requirements} ...", flush=True)
    command = pip(*INSTALL, "-r", requirements)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as installing:
        for line in installing.stdout or ():
            if line.startswith("Collecting "):
                print(f"  {line.split()[1]}", flush=True)
    if installing.returncode != 0:
        sys.exit(f"Could not install {requirements}: see above.")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
