"""Reads a whole request into a WSGI environ.

gunicorn's parser works through a head line by line in Python. Nearly all heads have a plain form that one regular
expression recognizes. Every other head goes to gunicorn's parser, which reads or refuses it. So this module decides
nothing about strange requests, and `tests/memgraph/test_plain_requests.py` holds both to the same results.
"""

import re
from functools import lru_cache
from io import BytesIO
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gunicorn.http import wsgi

from memgraph.server.arriving import Arrival

PLAIN: Final = re.compile(
    # A path and a query, without a fragment. "//" at the start would name a host.
    rb'(GET|HEAD|POST|PUT|PATCH|DELETE) ((/(?!/)[!"$->@-~]*)(?:\?([!"$-~]*))?) HTTP/1\.1\r\n'
    # No underscore: gunicorn refuses names that differ from others only by it.
    rb"((?:[A-Za-z0-9-]+:[\t -~\x80-\xff]*\r\n)+)\r\n"
)
FIELD: Final = re.compile(r"([^:]+):([^\r]*)\r\n")
LENGTH: Final = re.compile(r"[0-9]{1,15}")
LONGEST: Final = 8190  # of a line, and so of all lines together
MOST_FIELDS: Final = 64
UNUSUAL: Final = ("HTTP_TRANSFER_ENCODING", "HTTP_EXPECT")


def environ_of_all(cfg: Any) -> dict[str, Any]:
    """What is the same in the environ of every plain request."""
    same = {"SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.multithread": True}
    return {**wsgi.base_environ(cfg), **same}


class PlainRequest:
    """A request that has arrived whole. It has the attributes of gunicorn's that the worker reads."""

    version = (1, 1)

    def __init__(self, method: str, path: str, environ: dict[str, Any]) -> None:
        self.method = method
        self.path = path
        self.environ = environ

    def should_close(self) -> bool:
        connection: str = self.environ.get("HTTP_CONNECTION", "")
        return connection.lower() == "close"


def read_plain(arrival: Arrival, client: Any, server: Any, base: dict[str, Any]) -> PlainRequest | None:
    """Returns None for a request that gunicorn's parser must read. `base` is from `environ_of_all`."""
    if arrival.file or arrival.is_streamed or not (head := PLAIN.match(arrival.kept)):
        return None
    method, target, path, query, lines = (part.decode("latin-1") for part in head.groups(b""))
    fields = FIELD.findall(lines)
    environ = {environ_name(name): value.strip(" \t") for name, value in fields}
    body = bytes(arrival.kept[head.end() :])
    if (
        len(environ) < len(fields)  # a name came twice
        or len(fields) > MOST_FIELDS
        or max(len(lines), head.start(5)) > LONGEST
        or any(name in environ for name in UNUSUAL)
        or has_other_length(environ.get("CONTENT_LENGTH"), body)
        or "HTTP_HOST" not in environ
    ):
        return None
    environ.update(
        base,
        REQUEST_METHOD=method,
        RAW_URI=target,
        PATH_INFO=unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
        QUERY_STRING=query,
        REMOTE_ADDR=client[0],
        REMOTE_PORT=str(client[1]),
        SERVER_NAME=server[0],
        SERVER_PORT=str(server[1]),
    )
    environ["wsgi.input"] = BytesIO(body)
    return PlainRequest(method, path, environ)


@lru_cache(256)
def environ_name(name: str) -> str:
    name = name.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def has_other_length(sent: str | None, body: bytes) -> bool:
    return bool(body) if sent is None else not LENGTH.fullmatch(sent) or int(sent) != len(body)
