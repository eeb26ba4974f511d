"""Runs in a process of its own with one version of the client on its path, and calls it as it is told.

Each line of its input is a call, each line of its output what came of it. Waiting is noted instead of done.
"""

import asyncio
import inspect
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import memgraph_sdk
from memgraph_sdk import async_client, client

slept: list[float] = []
clients: dict[str, Any] = {}
loop = asyncio.Runner()


async def sleep(seconds: float) -> None:
    slept.append(seconds)


async def called(function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    result = function(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


def client_for(flavour: str, settings: dict[str, Any]) -> Any:
    name = json.dumps([flavour, settings])
    if name not in clients:
        kind = {"sync": memgraph_sdk.MemgraphClient, "async": memgraph_sdk.AsyncMemgraphClient}[flavour]
        clients[name] = kind(**settings)
    return clients[name]


def methods(flavour: str, settings: dict[str, Any]) -> list[str]:
    kind = type(client_for(flavour, settings))
    return [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")]


def tool(flavour: str, settings: dict[str, Any], name: str, user: str, *args: Any) -> Any:
    """A tool for agents of another library, of which its decorator is all that is needed."""
    agents = ModuleType("agents")
    agents.function_tool = lambda **_: lambda function: function  # type: ignore[attr-defined]
    sys.modules["agents"] = agents
    from memgraph_sdk.openai_agents import memgraph_tools

    tools = {tool.__name__: tool for tool in memgraph_tools(client_for(flavour, settings), user)}
    return tools[name](*args)


def answer(call: dict[str, Any]) -> dict[str, Any]:
    slept.clear()
    where, name = (call["flavour"], call["settings"]), call["name"]
    own = {"version": lambda *_: memgraph_sdk.__version__, "methods": methods, "tool": tool}
    try:
        if name in own:
            result = own[name](*where, *call["args"])
        else:
            result = loop.run(called(getattr(client_for(*where), name), call["args"], call["kwargs"]))
    except Exception as error:
        return {"error": described(error), "slept": slept}
    return {"result": result, "slept": slept}


def described(error: Exception) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return {
        "kind": type(error).__name__,
        "text": str(error),
        "status": getattr(error, "status_code", None) or getattr(response, "status_code", None),
        "body": getattr(error, "response_body", None),
        "retry_after": getattr(error, "retry_after", None),
    }


if __name__ == "__main__":
    client.time = SimpleNamespace(sleep=slept.append)
    async_client.asyncio = SimpleNamespace(sleep=sleep)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
