from email.utils import formatdate
from functools import lru_cache, partial
from time import time

from gunicorn.http import wsgi

http_date = lru_cache(1)(partial(formatdate, usegmt=True))


class Response(wsgi.Response):  # type: ignore[misc]
    """Sends the head together with the start of the body. gunicorn's takes two system calls, and names itself."""

    head = b""
    headers_sent: bool

    def default_headers(self) -> list[str]:
        major, minor = self.req.version
        connection = "close" if self.should_close() else "keep-alive"
        lines = [
            f"HTTP/{major}.{minor} {self.status}\r\n",
            f"Date: {http_date(int(time()))}\r\n",
            f"Connection: {connection}\r\n",
        ]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self.head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            data = b"%X\r\n%s\r\n" % (len(data), data)
        self.sock.sendall(self.head + data)
        self.head = b""

    def close(self) -> None:
        self.send_headers()
        end = self.head + (b"0\r\n\r\n" if self.chunked else b"")
        self.head = b""
        if end:
            self.sock.sendall(end)
