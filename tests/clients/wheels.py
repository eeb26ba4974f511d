"""Every published version of the client, from the package index, each in a folder of its own, fetched once."""

import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

PINS = dict(
    line.removeprefix("memgraph-sdk==").split(" ", 1)
    for line in Path(__file__).with_name("wheels.txt").read_text().splitlines()
    if not line.startswith("#")
)
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "clients"
IN_EVERY_RUN = ("0.1.0", "0.4.0", "0.6.1", "0.7.2", "0.8.3", "0.8.6")  # they have every method


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def folder_of(version: str) -> Path:
    folder = CACHE / version
    if not folder.exists():
        fetch(version, folder)
    return folder


def fetch(version: str, folder: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        pin, package = Path(scratch, "pin.txt"), Path(scratch, "package")
        pin.write_text(f"memgraph-sdk=={version} {PINS[version]}\n")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        pip += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--target", str(package), "-r", str(pin)]
        done = subprocess.run(pip, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.fail(f"Could not fetch memgraph-sdk {version} from the package index:\n{done.stderr}", pytrace=False)
        with suppress(OSError):  # it is there: the tests' other process was quicker
            package.rename(folder)
