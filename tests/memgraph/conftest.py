"""Fixtures that several of these tests use."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from memgraph.embedded.places import SYSTEM_HOME, digest
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server


@pytest.fixture
def client(editor_key: APIClient) -> APIClient:
    """A program of Acme with an editor's key, and not Django's test client."""
    return editor_key


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every account may enter. Only its owner may enter pytest's tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="memgraph-start-"))
    folder.chmod(0o755)
    yield folder
    for secret_key in folder.rglob("secret_key"):
        name = digest(secret_key.parent)
        for outside in (SYSTEM_HOME / name, *Path("/tmp").glob(f"memgraph-*-{name}")):
            shutil.rmtree(outside, ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data_dir(folder: Path) -> Path:
    """A data directory that was used before, so that the server starts quickly."""
    return prepared(folder / "used")


@pytest.fixture
def server(data_dir: Path) -> Iterator[Server]:
    with Server(data_dir) as server:
        yield server.wait_until_healthy()
