"""HTTP by hand: requests whose bytes a test can hold back, and their answers."""

import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from django.conf import settings

from studio import cookies
from studio.submissions import name_form

CODE: Final = re.compile(rb'"code":\s*"(\w+)"')
CSRF: Final = "c" * 32  # Django takes the bare secret for a token
BOUNDARY: Final = "boundary-of-a-form"
SECONDS: Final = 60


class Answer(NamedTuple):
    status: int
    head: str
    body: bytes

    @property
    def code(self) -> str | None:
        """Of a problem; pages have none."""
        found = CODE.search(self.body) if "problem+json" in self.head else None
        return found[1].decode() if found else None

    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.status} {self.code or ''}".strip()


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def head(self) -> bytes:
        headers = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, port: int) -> Answer:
        with connect(port) as connection:
            connection.sendall(self.head + self.body)
            return read_answer(connection)


def connect(port: int, *, receive_bytes: int = 0) -> socket.socket:
    """With a small window, if one is wished for, so that a server notices a reader who is slow."""
    connection = socket.socket()
    connection.settimeout(SECONDS)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.connect(("127.0.0.1", port))
    return connection


def read_answer(connection: socket.socket) -> Answer:
    """All that comes until the server ends the connection."""
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head, "the connection ended without an answer"
    return Answer(int(head.split()[1]), head.decode(), body)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def key_header(api_key: str) -> dict[str, str]:
    return {"X-API-KEY": api_key}


def json_call(method: str, path: str, credential: dict[str, str], body: Any = None, **headers: str) -> Call:
    sent = b"" if body is None else json.dumps(body).encode()
    kind = {} if body is None else {"Content-Type": "application/json"}
    return Call(method, path, {**credential, **kind, **headers}, sent)


def studio_cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"{cookies.NAME}={token}; {settings.CSRF_COOKIE_NAME}={CSRF}"}


def operator_cookie(session_key: str) -> dict[str, str]:
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}; {settings.CSRF_COOKIE_NAME}={CSRF}"}


def form_call(path: str, cookie: dict[str, str], **fields: Any) -> Call:
    """A form that was open: the page has given it the token, and the number that it is good for once."""
    sent = urlencode({"csrfmiddlewaretoken": CSRF, "once": name_form(), **fields}, doseq=True).encode()
    return Call("POST", path, {**cookie, "Content-Type": "application/x-www-form-urlencoded"}, sent)


def file_call(path: str, cookie: dict[str, str], file: bytes, **fields: str) -> Call:
    """A form with a file."""
    parts = {"csrfmiddlewaretoken": CSRF, "once": name_form(), **fields}
    body = b"".join(part(f'name="{name}"', value.encode()) for name, value in parts.items())
    body += part('name="file"; filename="export.ndjson"', file) + f"--{BOUNDARY}--\r\n".encode()
    return Call("POST", path, {**cookie, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body)


def part(disposition: str, content: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"
