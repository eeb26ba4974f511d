from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest

from tests.clients.published import Drivers, Published
from tests.clients.wheels import number


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drivers]:
    with ExitStack() as stack:
        yield Drivers(stack, tmp_path_factory.mktemp("home"))


@pytest.fixture
def client(request: pytest.FixtureRequest, drivers: Drivers, server_url: str, server_keys: dict[str, str]) -> Published:
    """An editor's. Before 0.4.0 a client can't be without the tenant's id; here the async ones always send it."""
    version, flavour = request.param
    settings = {"api_key": server_keys["editor"], "base_url": f"{server_url}/v1"}
    if flavour == "async" or number(version) < (0, 4):
        settings["tenant_id"] = server_keys["tenant_id"]
    return Published(drivers, version, flavour, settings)


@pytest.fixture
def api(server_url: str, server_keys: dict[str, str]) -> Iterator[httpx.Client]:
    """What the client wrote, as the server tells it."""
    with httpx.Client(base_url=server_url, headers={"X-API-KEY": server_keys["editor"]}) as http:
        yield http


@pytest.fixture
def user() -> str:
    return f"Zoë 100% {uuid4().hex}"
