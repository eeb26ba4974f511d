"""What is installed, and from where: every package by its version and the hashes of its files, and nothing else."""

import re

import pytest

from bootstrap import INSTALLER, REQUIREMENTS
from tests.memgraph.processes import ROOT

LOCKED = [*REQUIREMENTS, INSTALLER, "bench/requirements.txt"]
PIN = re.compile(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)(?: ; [^\\]+)? \\(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+")
CHOICE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z]+\])?==(\S+)$", re.MULTILINE)


def name_of(text: str) -> str:
    return re.sub("[-_.]+", "-", text).lower()


def pins(file: str) -> dict[str, str]:
    """What the file pins. Lines that are neither a pin with hashes nor a comment are a fault."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / file).read_text(), flags=re.MULTILINE)
    assert PIN.sub("", text).strip() == "", PIN.sub("", text)[:500]
    return {name_of(name): version for name, version in PIN.findall(text)}


def choices(file: str) -> dict[str, str]:
    return {name_of(name): version for name, version in CHOICE.findall((ROOT / file).read_text())}


@pytest.mark.parametrize("file", LOCKED)
def test_every_package_has_its_version_and_hashes(file: str) -> None:
    assert pins(file)


@pytest.mark.parametrize("file", LOCKED)
def test_what_is_chosen_is_what_is_pinned(file: str) -> None:
    chosen = choices(file.replace(".txt", ".in"))
    assert chosen
    assert chosen.items() <= pins(file).items()


def test_each_file_holds_those_before_it() -> None:
    production, local, developers = map(pins, REQUIREMENTS)
    assert production.items() <= local.items() <= developers.items()


@pytest.mark.parametrize(
    "file", [*LOCKED, "tests/clients/wheels.txt", *(name.replace(".txt", ".in") for name in LOCKED)]
)
def test_no_file_names_a_place_to_fetch_from(file: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted| @ ", (ROOT / file).read_text())


def test_nothing_needs_setuptools() -> None:
    assert "setuptools" not in pins(REQUIREMENTS[-1])
