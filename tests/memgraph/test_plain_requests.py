"""Requests of the plain form are read by one regular expression, with the result of gunicorn's parser."""

from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from memgraph.server.arriving import Arrival
from memgraph.server.refusals import RefusedError
from memgraph.server.requests import LONGEST, MOST_FIELDS, PlainRequest, environ_of_all, read_plain
from tests.memgraph.test_arriving import UNCLEAR, WHOLE

CLIENT, SERVER = ("192.0.2.1", 50_000), ("192.0.2.9", 8001)
GET = b"GET /v1/events?limit=5 HTTP/1.1\r\nHost: localhost:8001\r\nX-API-KEY: mg_live_x\r\nAccept: */*\r\n\r\n"
POST = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
PLAIN = {
    "a list": GET,
    "an event": POST,
    "no body": POST.replace(b"Length: 2", b"Length: 0").replace(b"{}", b""),
    "escapes": GET.replace(b"/v1/events", b"/v1/%E2%82%ac%2f%zz"),
    "all characters of a path": GET.replace(b"/v1/events", b"/!\"$%&'()*+,-./09:;<=>@AZ[\\]^_`az{|}~"),
    "a second question mark": GET.replace(b"limit=5", b"a=?b&c=/d"),
    "no query": GET.replace(b"?limit=5", b""),
    "an empty query": GET.replace(b"limit=5", b""),
    "spaces and tabs around a value": GET.replace(b" */*", b"\t  a \t b \t "),
    "an empty value": GET.replace(b" */*", b""),
    "bytes beyond ASCII in a value": GET.replace(b"*/*", b"\x80\xff\xc3\xa9"),
    "a colon in a value": GET.replace(b"*/*", b"a:b: c"),
    "names in any case": GET.replace(b"Host", b"hOST"),
    "the last one": GET.replace(b"Accept: */*", b"Connection: Close"),
    "not the last one": GET.replace(b"Accept: */*", b"Connection: keep-alive"),
    "a list of options": GET.replace(b"Accept: */*", b"Connection: close, te"),
    "an upgrade": GET.replace(
        b"Accept: */*", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA"
    ),
}
UNUSUAL = {
    "a name twice": GET.replace(b"Accept: */*", b"Accept: a\r\naccept: b"),
    "two hosts": GET.replace(b"Accept: */*", b"HOST: b"),
    "an underscore": GET.replace(b"X-API-KEY", b"X_API_KEY"),
    "a fragment": GET.replace(b"limit=5", b"#limit=5"),
    "two slashes": GET.replace(b"/v1", b"//v1"),
    "another server": GET.replace(b"/v1", b"http://localhost/v1"),
    "a folded value": GET.replace(b"*/*", b"a\r\n b"),
    "a NUL": GET.replace(b"*/*", b"\0"),
    "DEL": GET.replace(b"*/*", b"\x7f"),
    "a bare CR": GET.replace(b"*/*", b"a\rb"),
    "a space before the colon": GET.replace(b"Accept:", b"Accept :"),
    "an empty name": GET.replace(b"Accept:", b":"),
    "a byte beyond ASCII in the path": GET.replace(b"/v1", b"/\xe9"),
    "a tab in the path": GET.replace(b"/v1", b"/\t"),
    "a method in lower case": GET.replace(b"GET", b"get"),
    "CONNECT": GET.replace(b"GET", b"CONNECT"),
    "HTTP/1.0": GET.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "HTTP/1.2": GET.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "no fields": b"GET / HTTP/1.1\r\n\r\n",
    "too many fields": GET.replace(b"Accept: */*", b"\r\n".join(b"A-%d: b" % i for i in range(MOST_FIELDS))),
    "a long line": GET.replace(b"*/*", b"a" * LONGEST),
    "a long path": GET.replace(b"/v1", b"/" + b"a" * LONGEST),
}


def config() -> Config:
    """As in gunicorn.conf.py."""
    cfg = Config()
    same = {"limit_request_fields": MOST_FIELDS, "forwarded_allow_ips": "", "secure_scheme_headers": {}}
    for name, value in {**same, "http_parser": "python"}.items():
        cfg.set(name, value)
    return cfg


CONFIG = config()
Read = tuple[dict[str, Any], bool] | None


def plain(data: bytes) -> Read:
    arrival = Arrival()
    try:
        if not arrival.feed(data):
            return None
    except RefusedError:
        return None
    request = read_plain(arrival, CLIENT, SERVER, environ_of_all(CONFIG))
    return read(request, request.environ) if request else None


def by_gunicorn(data: bytes) -> Read:
    request = next(RequestParser(CONFIG, iter([data]), CLIENT))
    return read(request, wsgi.create(request, None, CLIENT, SERVER, CONFIG)[1])


def read(request: Any, environ: dict[str, Any]) -> Read:
    environ["body"] = environ["wsgi.input"].read()
    extra = ("wsgi.input", "wsgi.errors", "wsgi.early_hints", "wsgi.multithread", "gunicorn.socket")
    return {name: environ[name] for name in environ if name not in extra}, request.should_close()


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_request_is_read_as_gunicorn_reads_it(name: str) -> None:
    assert plain(PLAIN[name]) == by_gunicorn(PLAIN[name])


@pytest.mark.parametrize("name", UNUSUAL)
def test_gunicorn_decides_about_all_others(name: str) -> None:
    assert plain(UNUSUAL[name]) is None


@pytest.mark.parametrize("data", [*WHOLE.values(), *UNCLEAR.values()])
def test_what_is_special_to_the_main_loop_has_one_reading(data: bytes) -> None:
    assert_one_reading(data)


def assert_one_reading(data: bytes) -> None:
    """What we accept, gunicorn accepts, and both read the same."""
    found = plain(data)
    if found is None:
        return
    try:
        expected = by_gunicorn(data)
    except (ParseException, NoMoreData, StopIteration) as error:
        raise AssertionError("gunicorn refuses what we accept") from error
    assert found == expected


PIECES = [b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"_", b"-", b"/", b"?", b"#", b"%2f", b"\x7f", b"\xe9"]
PIECES += [
    b"Content-Length: 2\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Host: y\r\n",
    b"0",
]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # on a busy machine
@given(
    st.sampled_from([*PLAIN.values(), *UNUSUAL.values()][:-2]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 3), st.sampled_from(PIECES) | st.binary(max_size=3)), max_size=4
    ),
)
@example(POST, [(1.0, 0, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")])
def test_a_damaged_request_has_one_reading(data: bytes, damage: list[tuple[float, int, bytes]]) -> None:
    for place, removed, piece in damage:
        start = int(place * len(data))
        data = data[:start] + piece + data[start + removed :]
    assert_one_reading(data)


def test_a_request_keeps_its_connection_unless_it_says_otherwise() -> None:
    assert not PlainRequest("GET", "/", {}).should_close()
    assert PlainRequest("GET", "/", {"HTTP_CONNECTION": "CLOSE"}).should_close()
