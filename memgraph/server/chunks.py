"""Finds the end of a chunked body (RFC 9112, section 7.1) without keeping or decoding it."""

import re
from typing import Final

from memgraph.server.refusals import TINY_CHUNKS, TOO_LARGE, RefusedError

SIZE_LINE: Final = re.compile(rb"([0-9a-fA-F]{1,8})(?:[ \t]*;[^\r\n]*)?\r\n")
LONGEST_LINE: Final = 256
LONGEST_TRAILERS: Final = 8 * 1024
# Each chunk costs some microseconds here and in gunicorn, however small it is.
FREE_CHUNKS: Final = 4096
BYTES_A_CHUNK: Final = 1024


class MalformedChunkError(Exception):
    pass


class Chunks:
    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.size = 0
        self.count = 0
        self.ahead = 0  # bytes of a chunk that are still to come, with the line end after them
        self.line = b""
        self.trailers = -1  # how many bytes; -1 before the last chunk

    def find_end(self, data: bytes, start: int) -> int:
        """The place in `data` where the body ends; -1 when more is to come."""
        while True:
            if self.ahead:
                start = self.skip(data, start)
                if self.ahead:
                    return -1
            end = data.find(b"\n", start) + 1
            self.line += data[start : end or len(data)]
            if len(self.line) > (LONGEST_LINE if self.trailers < 0 else LONGEST_TRAILERS):
                raise MalformedChunkError
            if not end:
                return -1
            if self.is_last(self.line):
                return end
            self.line, start = b"", end

    def skip(self, data: bytes, start: int) -> int:
        """Checks the line end: without it gunicorn would find another end of the body than we do."""
        content = min(max(0, self.ahead - 2), len(data) - start)
        self.ahead -= content
        start += content
        while self.ahead in (1, 2) and start < len(data):
            if data[start] != b"\n\r"[self.ahead - 1]:
                raise MalformedChunkError
            self.ahead -= 1
            start += 1
        return start

    def is_last(self, line: bytes) -> bool:
        if self.trailers >= 0:
            self.trailers += len(line)
            if self.trailers > LONGEST_TRAILERS or not line.endswith(b"\r\n"):
                raise MalformedChunkError
            return line == b"\r\n"
        match = SIZE_LINE.fullmatch(line)
        if not match:
            raise MalformedChunkError
        size = int(match[1], 16)
        if size == 0:
            self.trailers = 0
            return False
        self.count += 1
        self.size += size
        self.ahead = size + 2
        if self.size > self.largest:
            raise RefusedError(TOO_LARGE)
        if self.count > FREE_CHUNKS + self.size // BYTES_A_CHUNK:
            raise RefusedError(TINY_CHUNKS)
        return False
