"""The main loop and gunicorn's parser must find the same end of every request, in however many pieces it comes."""

from collections.abc import Iterator
from inspect import signature
from itertools import pairwise

import gunicorn
import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import ThreadWorker

from memgraph.server.arriving import IN_MEMORY, LARGEST_BODY, LONGEST_HEAD, Arrival
from memgraph.server.refusals import RefusedError
from memgraph.server.worker import Worker

GET = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
IMPORT = b"POST /v1/admin/import%s HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"
NEXT = b"GET /next HTTP/1.1\r\n\r\n"
WHOLE = {
    "no headers": b"GET / HTTP/1.1\r\n\r\n",
    "headers": GET,
    "an empty line first": b"\r\n" + GET,
    "HTTP/1.0": b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n",
    "a length": POST + b"Content-Length: 5\r\n\r\nhello",
    "no length": POST + b"Content-Length: 0\r\n\r\n",
    "a length in capitals and spaces": POST + b"CONTENT-LENGTH: \t5 \t\r\n\r\nhello",
    "a length with zeros before": POST + b"Content-Length: 0005\r\n\r\nhello",
    "a length in HTTP/1.0": b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    "a head in the body": POST + b"Content-Length: %d\r\n\r\n" % len(GET) + GET,
    "an expectation": POST + b"Content-Length: 5\r\nExpect: 100-Continue\r\n\r\nhello",
    "chunks": CHUNKED + b'3\r\nabc\r\n2;name="va;lue"\r\nde\r\n0\r\n\r\n',
    "a chunk of line ends": CHUNKED + b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
    "no chunks": CHUNKED + b"0\r\n\r\n",
    "trailers": CHUNKED + b"A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
    "chunked as the last coding": POST + b"Transfer-Encoding: identity, Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "a length that names another header": POST + b"X-Content-Length: 50\r\n\r\n",
}
UNCLEAR = {
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
    "two different lengths": POST + b"Content-Length: 5\r\ncontent-length: 6\r\n\r\n",
    "a list of lengths": POST + b"Content-Length: 5, 5\r\n\r\n",
    "a length with a sign": POST + b"Content-Length: +5\r\n\r\n",
    "a length below zero": POST + b"Content-Length: -5\r\n\r\n",
    "a length with an underscore": POST + b"Content-Length: 5_0\r\n\r\n",
    "a length of other digits": POST + "Content-Length: ²\r\n\r\n".encode("latin-1"),
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "a space before the colon": POST + b"Content-Length : 5\r\n\r\n",
    "a folded length": POST + b"Content-Length:\r\n 5\r\n\r\n",
    "length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two codings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked not last": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an unknown expectation": POST + b"Expect: wonders\r\n\r\n",
    "a bare line feed": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "a bare line feed in a header": b"GET / HTTP/1.1\r\nA: b\nContent-Length: 5\r\n\r\n",
    "nothing but line ends": b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\n",
    "a long first line": b"GET /" + b"a" * 9000,
    "a long head": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12_000,
}


class Ended(Exception):  # noqa: N818 - no error, but the end of what is there
    pass


def config() -> Config:
    settings = {"http_parser": "python", "limit_request_line": 8190, "forwarded_allow_ips": ""}
    made = Config()
    for name, value in (settings | {"limit_request_fields": 64}).items():
        made.set(name, value)
    return made


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    return [content[start:end] for start, end in pairwise([0, *cuts, len(content)])]


def cuttings(content: bytes) -> Iterator[list[bytes]]:
    """In one piece, in two of all sizes, in three with a byte between, byte by byte."""
    yield [content]
    for place in range(1, len(content)):
        yield pieces(content, [place])
    for place in range(1, len(content) - 1):
        yield pieces(content, [place, place + 1])
    yield pieces(content, list(range(1, len(content))))


def arrive(parts: list[bytes]) -> tuple[Arrival, int]:
    """A request that became ready, and how many parts it took."""
    arrival = Arrival()
    for number, part in enumerate(parts, 1):
        if arrival.feed(part):
            return arrival, number
    raise Ended


def content_of(arrival: Arrival) -> bytes:
    if arrival.file:
        arrival.file.seek(0)
    return bytes(arrival.kept) + (arrival.file.read() if arrival.file else b"")


def left_by_parser(content: bytes) -> bytes:
    """What gunicorn leaves for the next request."""
    unreader = IterUnreader([content])
    request = Request(config(), unreader, ("127.0.0.1", 1))
    request.body.read()
    return bytes(unreader.buf.getvalue()) + b"".join(unreader.iter or ())


@pytest.mark.parametrize("kind", WHOLE)
def test_a_request_ends_where_the_parser_says(kind: str) -> None:
    for parts in cuttings(WHOLE[kind]):
        arrival, number = arrive(parts)
        assert number == len(parts)
        assert (content_of(arrival), arrival.rest) == (WHOLE[kind], b"")
    assert left_by_parser(WHOLE[kind] + NEXT) == NEXT


@pytest.mark.parametrize("kind", WHOLE)
def test_the_next_request_is_kept_apart(kind: str) -> None:
    for parts in cuttings(WHOLE[kind] + NEXT):
        arrival, number = arrive(parts)
        assert content_of(arrival) == WHOLE[kind]
        assert arrival.rest + b"".join(parts[number:]) == NEXT


@pytest.mark.parametrize("kind", UNCLEAR)
def test_what_can_be_read_in_two_ways_goes_to_the_parser_at_once(kind: str) -> None:
    content = UNCLEAR[kind]
    arrival, _ = arrive([content])
    with pytest.raises(Exception, match=r".") as refused:  # whatever class it has, it comes from the parser
        left_by_parser(bytes(arrival.kept))
    assert type(refused.value).__module__ == "gunicorn.http.errors"


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"-1\r\n",
        b" 1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\na\r\n",
        b"\r\n",
        b"1" * 9000,
        b"0\r\nA: b\n\n",
    ],
)
def test_malformed_chunks_go_to_the_parser_at_once(body: bytes) -> None:
    arrival, _ = arrive([CHUNKED + body])
    with pytest.raises(Exception, match=r".") as refused:
        left_by_parser(content_of(arrival))
    assert type(refused.value).__module__ == "gunicorn.http.errors"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (POST + b"Content-Length: %d\r\n\r\n" % (LARGEST_BODY + 1), 413),
        (POST + b"Content-Length: 999999999999999\r\n\r\n", 413),
        (CHUNKED + b"FFFFFFFF\r\n", 413),
        (CHUNKED + b"1\r\na\r\n" * 5000, 400),
    ],
    ids=["length", "huge length", "chunk", "tiny chunks"],
)
def test_what_is_never_taken_is_refused_at_once(content: bytes, status: int) -> None:
    with pytest.raises(RefusedError) as refused:
        arrive([content])
    assert refused.value.refusal.status == status


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_large_body_lies_in_a_file(framing: str) -> None:
    body = b"x" * (3 * IN_MEMORY)
    chunks = b"".join(b"%x\r\n%b\r\n" % (1000, body[:1000]) for _ in range(200)) + b"0\r\n\r\n"
    head = CHUNKED if framing == "chunks" else POST + b"Content-Length: %d\r\n\r\n" % len(body)
    content = head + (chunks if framing == "chunks" else body)
    arrival, _ = arrive(pieces(content, list(range(5000, len(content), 5000))))
    assert len(arrival.kept) <= LONGEST_HEAD + IN_MEMORY
    assert arrival.on_disk > IN_MEMORY
    assert content_of(arrival) == content
    assert arrival.file
    arrival.file.close()


@pytest.mark.parametrize(
    ("content", "is_streamed"),
    [
        (IMPORT % b"", True),
        (IMPORT % b"?dry_run=true", True),
        (IMPORT.replace(b"/v1", b"http://localhost/v1") % b"", True),
        (IMPORT.replace(b"/v1/admin/import", b"/studio/settings/import") % b"", True),
        (IMPORT % b"s", False),
        (IMPORT.replace(b"POST", b"GET") % b"", False),
        (IMPORT.replace(b"/v1/", b"/x?/v1/") % b"", False),
    ],
)
def test_only_imports_are_read_by_their_threads(content: bytes, is_streamed: bool) -> None:
    arrival = Arrival()
    assert (arrival.feed(content), arrival.is_streamed) == (is_streamed, is_streamed)


@pytest.mark.parametrize(
    "name",
    [
        "_cap_keepalive",
        "accept",
        "handle",
        "murder_keepalived",
        "murder_pending",
        "wait_for_and_dispatch_events",
    ],
)
def test_gunicorn_still_has_what_the_worker_replaces(name: str) -> None:
    """Its worker has no public places for any of this: read the new one before moving the pin."""
    theirs, ours = (signature(getattr(kind, name)) for kind in (ThreadWorker, Worker))
    assert list(theirs.parameters) == list(ours.parameters)
    assert gunicorn.__version__.startswith("27.")
