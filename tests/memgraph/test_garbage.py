"""A request leaves no reference cycles: its memory is free when it ends, and the collector has nothing to do."""

import gc
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import orjson
import pytest

from memgraph.wsgi import application
from tenants.models import Tenant
from tests.factories import make_belief, make_event, make_key

EVENT = {"event_type": "user_message", "content": {"text": "Hello"}, "user_id": "ada"}
QUERY = {"query": "tea", "user_id": "ada"}


@pytest.fixture
def collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def call(api_key: str, path: str, body: Any) -> str:
    sent = b"" if body is None else orjson.dumps(body)
    environ = {
        "REQUEST_METHOD": "GET" if body is None else "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent)),
        "HTTP_X_API_KEY": api_key,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(sent),
    }
    statuses: list[str] = []
    response: Any = application(environ, lambda status, _: statuses.append(status))
    list(response)
    response.close()
    return statuses[0]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/live", None),
        ("/v1/auth/whoami", None),
        ("/v1/stats", None),
        ("/v1/events", None),
        ("/v1/beliefs", None),
        ("/v1/events", EVENT),
        ("/v1/events/batch", {"events": [EVENT] * 10}),
        ("/v2/context", QUERY),
    ],
)
@pytest.mark.usefixtures("collector", "transactional_db")
def test_a_request_leaves_no_garbage(path: str, body: Any, acme: Tenant) -> None:
    make_event(acme)
    make_belief(acme)
    _, api_key = make_key(acme)
    for _ in range(2):  # the first fills caches
        assert call(api_key, path, body)[0] == "2"
        found = gc.collect()
    assert found == 0
