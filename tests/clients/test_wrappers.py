"""What comes with the published client: its command line, and the tools that it gives to agents."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.clients.methods import versions
from tests.clients.published import Published, environment
from tests.clients.wheels import folder_of, number

Memgraph = Callable[..., str]


@pytest.fixture
def memgraph(version: str, tmp_path: Path, server_url: str, server_keys: dict[str, str]) -> Memgraph:
    """The command as it is installed, in a home and a folder of its own."""
    home, project = tmp_path / "home", tmp_path / "project"
    (home / ".cursor").mkdir(parents=True)
    project.mkdir()
    variables = {"MEMGRAPH_API_URL": f"{server_url}/v1", "MEMGRAPH_API_KEY": server_keys["editor"]}
    command = [sys.executable, str(folder_of(version) / "bin" / "memgraph")]

    def memgraph(*args: str, typed: str = "") -> str:
        done = subprocess.run(
            [*command, *args],
            input=typed,
            cwd=project,
            env=environment(version, home, PYTHONIOENCODING="utf-8", **variables),
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return memgraph


def set_up(memgraph: Memgraph, version: str, server_url: str, server_keys: dict[str, str]) -> str:
    """Before 0.4.0 it asks: which server (3: another), whose tenant, which key."""
    if number(version) < (0, 4):
        answers = ["3", f"{server_url}/v1", server_keys["tenant_id"], server_keys["editor"]]
        return memgraph("init", typed="\n".join(answers) + "\n")
    return memgraph("setup", "--key", server_keys["editor"])


@pytest.mark.parametrize("version", versions())
def test_command_line(
    version: str, memgraph: Memgraph, tmp_path: Path, server_url: str, server_keys: dict[str, str]
) -> None:
    word = uuid4().hex
    output = set_up(memgraph, version, server_url, server_keys)
    settings = (tmp_path / "project" / ".memgraph.env").read_text()
    assert f"MEMGRAPH_TENANT_ID={server_keys['tenant_id']}" in settings
    if number(version) >= (0, 4):
        assert f"Client's ({server_keys['tenant_id']})" in output
        editor = json.loads((tmp_path / "home" / ".cursor" / "mcp.json").read_text())
        assert editor["mcpServers"]["memgraph"]["env"]["MEMGRAPH_API_KEY"] == server_keys["editor"]
    assert "Server is reachable" in memgraph("status")
    assert "Remembered" in memgraph("remember", f"We chose PostgreSQL for {word}.", "-c", "decision")
    recalled = memgraph("recall", f"What was chosen for {word}?")
    assert f"We chose PostgreSQL for {word}." in recalled
    assert "[decision]" not in recalled
    assert "No memories found" in memgraph("recall", uuid4().hex)


@pytest.mark.parametrize("version", versions(lambda version: number(version) >= (0, 4)))
def test_set_up_refuses_a_revoked_key(
    version: str, memgraph: Memgraph, tmp_path: Path, server_keys: dict[str, str]
) -> None:
    assert "Invalid API key" in memgraph("setup", "--key", server_keys["revoked"])
    assert not (tmp_path / "project" / ".memgraph.env").exists()


WITH_TOOLS = [
    pytest.param((*version.values, "sync"), id=version.id, marks=version.marks)
    for version in versions(lambda version: number(version) >= (0, 6))
]


@pytest.mark.parametrize("client", WITH_TOOLS, indirect=True)
def test_agents_tools_search_and_store(client: Published, user: str) -> None:
    """0.6.1 looks for its hits where its own client no longer puts them: it finds nothing, whatever a server says."""
    assert client.call("tool", "store_memory", user, "I live in Oslo.") == "Remembered: I live in Oslo."
    found = client.call("tool", "search_memory", user, "Oslo?")
    if client.version == "0.6.1":
        assert found == "No relevant memories found."
    else:
        assert found.startswith("- ")
        assert found.endswith("I live in Oslo.")
    assert client.call("tool", "search_memory", user, "Lima?") == "No relevant memories found."
