import re
import sys
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache, partial
from time import time
from typing import Any, Final

# RFC 9110, sections 5.1 and 5.5
FIELDS: Final = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*\r\n)*")
STATUS: Final = re.compile(r"[1-5][0-9]{2} [ -~]*")
NO_BODY: Final = ("1", "204", "304")
http_date = lru_cache(1)(partial(formatdate, usegmt=True))


class Response:
    """Sends the head together with the start of the body: gunicorn's takes two system calls, and names the server.

    It has gunicorn's interface. `request` may be gunicorn's or ours.
    """

    def __init__(self, request: Any, sock: Any, _: Any = None) -> None:
        self.request = request
        self.sock = sock
        self.head = b""
        self.is_last = request.should_close()
        self.is_chunked = False
        self.left = 0  # bytes of the promised length
        self.has_begun = False

    def force_close(self) -> None:
        self.is_last = True

    def should_close(self) -> bool:
        """True also after a body that was too short: the client would take the next response for the rest."""
        return self.is_last or self.left > 0

    def start_response(self, status: str, headers: Iterable[tuple[str, str]], _: Any = None) -> Any:
        headers = [field for field in headers if status[:3] != "204" or field[0].lower() != "content-length"]
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
        if not STATUS.fullmatch(status) or not FIELDS.fullmatch(fields) or fields.count("\r\n") != len(headers):
            raise ValueError("A response has a malformed status or header.")  # its value may be secret
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
        if self.request.method != "HEAD" and not status.startswith(NO_BODY):
            self.is_chunked = length is None and self.request.version >= (1, 1)
            self.left = length or 0
            if length is None and not self.is_chunked:
                self.left, self.is_last = sys.maxsize, True  # its end is the end of the connection
        lines = [
            f"HTTP/1.{self.request.version[1]} {status}\r\n",
            f"Date: {http_date(int(time()))}\r\n",
            f"Connection: {'close' if self.is_last else 'keep-alive'}\r\n",
            "Transfer-Encoding: chunked\r\n" if self.is_chunked else "",
            fields,
            "\r\n",
        ]
        self.head = "".join(lines).encode("latin-1")
        return self.write

    def write(self, data: bytes) -> None:
        if not self.is_chunked:
            data = data[: self.left]
            self.left -= len(data)
        elif data:
            data = b"%X\r\n%s\r\n" % (len(data), data)
        if data:
            self.send(data)

    def close(self) -> None:
        end = b"0\r\n\r\n" if self.is_chunked else b""
        if self.head or end:
            self.send(end)

    def send(self, data: bytes) -> None:
        data, self.head, self.has_begun = self.head + data, b"", True
        self.sock.sendall(data)
