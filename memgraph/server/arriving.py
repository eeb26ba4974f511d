"""Finds the end of a request while its bytes arrive, so that a thread gets it whole.

It only counts bytes. gunicorn's parser still reads every head and refuses what is malformed. A head that could be read
in two ways goes to it immediately, and it gets no bytes beyond those that were counted here.
"""

import re
import tempfile
from io import FileIO
from pathlib import Path
from typing import Final

from django.conf import settings

from memgraph.server.chunks import Chunks, MalformedChunkError
from memgraph.server.refusals import BODY_TOO_SLOW, HEAD_TOO_SLOW, TOO_LARGE, Refusal, RefusedError
from tenants.limits.bodies import LARGE_BATCH

LONGEST_HEAD: Final = 64 * 1024
LONGEST_LINE: Final = 8192  # gunicorn takes 8190
LARGEST_BODY: Final = LARGE_BATCH  # of all routes whose bodies are not streamed; most allow far less
IN_MEMORY: Final = 64 * 1024
BYTES_A_SECOND: Final = 16 * 1024
LONGEST_SECONDS: Final = 600.0

HEAD_END: Final = b"\r\n\r\n"
FRAMING: Final = re.compile(rb"\r\n(content-length|transfer-encoding|expect):([^\r\n]*)", re.IGNORECASE)
LENGTH: Final = re.compile(rb"[0-9]{1,15}")
# Threads stream these bodies. Their views authenticate first, and hold a slot while they read.
STREAMED: Final = re.compile(
    rb"POST (?:https?://[^/?# ]*)?(?:/v1/admin/import|/studio/settings/import)(?:[?#][^ ]*)? HTTP/1"
)


class Arrival:
    """One request, as far as it has arrived. `rest` holds the bytes that came after it on the same connection."""

    # Class attributes, because most requests arrive whole and set none of them.
    rest = b""
    body = -1  # how many bytes of the body came; -1 before the end of the head
    missing = 0
    chunks: Chunks | None = None
    file: FileIO | None = None
    on_disk = 0
    awaits_continue = False
    is_streamed = False
    behind = 0.0

    def __init__(self) -> None:
        self.kept: bytes | bytearray = b""

    def feed(self, data: bytes) -> bool:
        """Takes new bytes. Returns whether the request can go to a thread."""
        return self.feed_head(data) if self.body < 0 else self.feed_body(data, 0)

    def feed_head(self, data: bytes) -> bool:
        searched = max(0, len(self.kept) - len(HEAD_END) + 1)
        if self.kept:
            self.kept += data
            data = bytes(self.kept)
        start = 2 if data.startswith(b"\r\n") else 0  # RFC 9112, section 2.2: one empty line may come before
        end = data.find(HEAD_END, max(start, searched)) + len(HEAD_END)
        if end < len(HEAD_END):
            is_hopeless = is_malformed(data)
            self.kept = data if is_hopeless else bytearray(data)
            return is_hopeless
        self.body = 0
        found = FRAMING.findall(data, 0, end)
        if not found or not self.measure(found, data[:end]):
            self.kept, self.rest = data[:end], data[end:]
            return True
        if self.missing and end + self.missing == len(data):
            self.kept = data
            return True
        return self.begin_body(data, end)

    def measure(self, found: list[tuple[bytes, bytes]], head: bytes) -> bool:
        """Whether a body follows. False also for heads that contradict themselves: gunicorn's parser refuses them."""
        fields = {name.lower(): value.strip(b" \t").lower() for name, value in found}
        length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
        is_clear = len(fields) == len(found) and fields.get(b"expect", b"100-continue") == b"100-continue"
        if not is_clear or (length is None) == (coding is None):
            return False
        is_new = head[: head.find(b"\r\n", 2)].endswith(b" HTTP/1.1")
        self.awaits_continue = is_new and b"expect" in fields
        if length is not None:
            self.missing = int(length) if LENGTH.fullmatch(length) else 0
            return self.missing > 0
        self.chunks = Chunks(LARGEST_BODY)
        return is_new and coding is not None and coding.rsplit(b",", 1)[-1].strip(b" \t") == b"chunked"

    def begin_body(self, data: bytes, start: int) -> bool:
        if STREAMED.match(data):
            self.kept, self.is_streamed = data, True
            return True
        if self.missing > LARGEST_BODY:
            raise RefusedError(TOO_LARGE)
        self.kept = bytearray(data[:start])
        return self.feed_body(data, start)

    def feed_body(self, data: bytes, start: int) -> bool:
        try:
            end = self.end_of_body(data, start)
        except MalformedChunkError:  # gunicorn's parser tells the view that reads the body
            end = len(data)
            self.keep(data, start, end)
            return True
        self.keep(data, start, len(data) if end < 0 else end)
        if end >= 0:
            self.rest = data[end:]
        return end >= 0

    def end_of_body(self, data: bytes, start: int) -> int:
        """The place in `data` where the body ends; -1 when more is to come."""
        if self.chunks:
            return self.chunks.find_end(data, start)
        step = min(self.missing, len(data) - start)
        self.missing -= step
        return -1 if self.missing else start + step

    def keep(self, data: bytes, start: int, end: int) -> None:
        self.body += end - start
        if self.file is None and self.body <= IN_MEMORY:
            self.kept += data[start:end]
            return
        if self.file is None:
            self.file = new_file()
        self.on_disk += end - start
        part = memoryview(data)[start:end]
        while part:
            part = part[self.file.write(part) :]

    def update_pace(self, size: int, seconds: float) -> None:
        self.behind = max(0.0, self.behind + seconds - size / BYTES_A_SECOND)

    @property
    def too_slow(self) -> Refusal:
        return HEAD_TOO_SLOW if self.body < 0 else BODY_TOO_SLOW


def is_malformed(data: bytes) -> bool:
    """Whether this can no longer become a valid head. gunicorn's parser receives it unchanged and reports the error."""
    return (
        len(data) > LONGEST_HEAD
        or (len(data) > LONGEST_LINE and data.find(b"\r\n", 2) < 0)
        or data.startswith(HEAD_END)
        or data.count(b"\n") != data.count(b"\r\n")
    )


def new_file() -> FileIO:
    """An unnamed file, so that none is left if we are killed. In the data dir if possible, for its disk space."""
    folder = Path(settings.DATA_DIR, "run")
    return tempfile.TemporaryFile(dir=folder if folder.is_dir() else None, buffering=0)
