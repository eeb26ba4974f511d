"""The limit of the server: a WSGI function that returns a constant."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b'{"status": "alive"}'
HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", HEADERS)
    return [BODY]
