"""The MCP server that comes with the published client, asked by a real MCP client over its standard input."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.clients.methods import versions
from tests.clients.published import environment
from tests.clients.wheels import number

RESOURCES = ["memgraph://project/status", "memgraph://memory/recent", "memgraph://memory/profile"]
LISTED_SINCE = {
    "memgraph_remember": "0.4.0",
    "memgraph_search": "0.4.0",
    "memgraph_profile": "0.4.0",
    "memgraph_forget": "0.8.3",
    "memgraph_think": "0.8.3",
}
TALK = [{"role": "user", "content": "Do I drink tea?"}, {"role": "assistant", "content": "You do."}]


class Tools:
    """A session of the client, and what it reads in words."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        (content,) = (await self.session.call_tool(name, arguments)).content
        answer: dict[str, Any] = json.loads(content.text)
        assert answer["success"], answer
        return answer

    async def read(self, uri: str) -> str:
        (content,) = (await self.session.read_resource(uri)).contents
        text: str = content.text
        assert "Error" not in text
        return text


Serve = Callable[[Callable[[Tools], Awaitable[None]]], None]


@pytest.fixture
def serve(version: str, user: str, tmp_path: Path, server_url: str, server_keys: dict[str, str]) -> Serve:
    """Runs what is asked of a server for one user."""
    variables = {
        "MEMGRAPH_API_URL": f"{server_url}/v1",
        "MEMGRAPH_API_KEY": server_keys["editor"],
        "MEMGRAPH_TENANT_ID": server_keys["tenant_id"],
        "MEMGRAPH_AGENT_USER_ID": user,
    }
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "memgraph_sdk.mcp"], env=environment(version, tmp_path, **variables)
    )

    async def run(ask: Callable[[Tools], Awaitable[None]]) -> None:
        with (tmp_path / "log").open("w") as log:
            async with stdio_client(server, errlog=log) as streams, ClientSession(*streams) as session:
                await session.initialize()
                await ask(Tools(session))

    return lambda ask: asyncio.run(run(ask))


@pytest.mark.parametrize("version", versions(lambda version: number(version) >= (0, 4), often=("0.4.0", "0.8.6")))
def test_mcp_server(version: str, serve: Serve, server_url: str) -> None:
    """0.6.1 looks for its hits where its own client no longer puts them: it finds nothing, whatever a server says."""
    found = [] if version == "0.6.1" else ["Drinks tea."]

    async def ask(tools: Tools) -> None:
        listed = {tool.name for tool in (await tools.session.list_tools()).tools}
        assert listed == {name for name, since in LISTED_SINCE.items() if number(since) <= number(version)}
        remembered = await tools.call("memgraph_remember", text="Drinks tea.", category="preference")
        await tools.call("memgraph_remember", text="The cache lied.", category="bug_fix")
        await tools.call("memgraph_remember", text="In winter they ski.")
        searched = await tools.call("memgraph_search", query="tea?")
        assert [hit["content"] for hit in searched["results"]] == found
        assert all(0.3 < hit["score"] <= 1 for hit in searched["results"])
        profile = (await tools.call("memgraph_profile"))["profile"]
        assert {kind: [row["value"] for row in rows] for kind, rows in profile.items()} == {
            "preferences": ["Drinks tea."],
            "facts": ["The cache lied."],
            "beliefs": ["In winter they ski."],
        }
        await read_resources(tools, version, server_url)
        if number(version) >= (0, 6):
            await think_and_forget(tools, version, remembered["belief_id"], found)

    serve(ask)


async def read_resources(tools: Tools, version: str, server_url: str) -> None:
    listed = [str(resource.uri) for resource in (await tools.session.list_resources()).resources]
    assert listed == RESOURCES[: 3 if number(version) >= (0, 6) else 2]
    status = await tools.read(RESOURCES[0])
    assert f"**Server**: {server_url}/v1\n**Status**: healthy\n" in status
    for uri in listed[1:]:
        text = await tools.read(uri)
        for value in ("Drinks tea.", "The cache lied.", "In winter they ski."):
            assert value in text


async def think_and_forget(tools: Tools, version: str, belief_id: str, found: list[str]) -> None:
    """Learning from a talk needs a route that this server has not yet: the tool says so, and recalls all the same."""
    thought = await tools.call("memgraph_think", messages=TALK)
    assert [hit["content"] for hit in thought["recall"]["results"]] == found
    assert thought["learning"] == {"triggered": False, "messages_processed": 2}
    hits = (await tools.call("memgraph_recall", query="tea"))["results"]
    if number(version) >= (0, 8, 3):
        assert [hit["id"] for hit in hits] == [belief_id]
    await tools.call("memgraph_forget", belief_id=belief_id)
    assert (await tools.call("memgraph_search", query="tea"))["results"] == []
    everything = await tools.call("memgraph_forget", delete_all=True)
    assert everything["result"] == {"status": "deleted", "deleted": 2, "domain": None}


@pytest.mark.parametrize("version", ["0.8.6"])
def test_mcp_server_says_why_it_failed(version: str, serve: Serve) -> None:
    async def ask(tools: Tools) -> None:
        (content,) = (await tools.session.call_tool("memgraph_forget", {"belief_id": "no-id"})).content
        answer = json.loads(content.text)
        assert (answer["success"], answer["error"]) == (False, "Validation error: Nothing was found at this URL.")

    serve(ask)
