"""A canary. We rely on names of gunicorn that it doesn't promise to keep, so a new version has to be looked at."""

import inspect

import gunicorn
import pytest
from gunicorn.http import errors, parser, unreader, wsgi
from gunicorn.workers import gthread

SEEN = "27.0.1"
ADVICE = "Read gunicorn/workers/gthread.py and gunicorn/http/ against memgraph/server/README.md, then run tests/attack."
# What the worker replaces, with the parameters that gunicorn passes.
REPLACED = {
    gthread.ThreadWorker: {
        "init_process": "self",
        "init_signals": "self",
        "handle_quit": "self, sig, frame",
        "accept": "self, listener",
        "wait_for_and_dispatch_events": "self, timeout",
        "murder_pending": "self",
        "murder_keepalived": "self, force=False",
        "_cap_keepalive": "self, deadline",
        "get_thread_pool": "self",
        "enqueue_req": "self, conn",
        "handle": "self, conn",
    },
    unreader.SocketUnreader: {"__init__": "self, sock, max_chunk=8192", "chunk": "self, size_hint=None"},
}
# What it calls and reads. Attributes of instances are looked for in the source.
USED: list[tuple[type, str]] = [
    (gthread.ThreadWorker, "nr_conns"),
    (gthread.ThreadWorker, "poller"),
    (gthread.ThreadWorker, "tpool"),
    (gthread.ThreadWorker, "self.method_queue.run_callbacks"),
    (gthread.PollableMethodQueue, "self._queue = queue.SimpleQueue()"),
    (gthread.PollableMethodQueue, "self._read_fd"),
    (gthread.PollableMethodQueue, "self._write_fd"),
    (gthread.PollableMethodQueue, "callback()"),
    (gthread.ThreadWorker, "self.murder_pending()"),
    (gthread.TConn, "self.initialized"),
    (gthread.TConn, "self.timeout"),
    (gthread.TConn, "self.parser"),
    (parser.Parser, "self.mesg_class(self.cfg, self.unreader, self.source_addr, self.req_count)"),
    (parser.Parser, "def finish_body(self, deadline=None, max_bytes=None)"),
    (unreader.Unreader, "def take_buffered(self)"),
    (unreader.SocketUnreader, "self.mxchunk"),
    (unreader.SocketUnreader, "max_body_chunk"),
]
ERRORS = (
    "LimitRequestLine",
    "LimitRequestHeaders",
    "ExpectationFailed",
    "UnsupportedTransferCoding",
    "ParseException",
)


def test_gunicorn_is_the_version_that_was_looked_at() -> None:
    assert gunicorn.__version__ == SEEN, ADVICE


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in REPLACED.items() for name in names])
def test_what_we_replace_is_there(kind: type, name: str) -> None:
    parameters = str(inspect.signature(getattr(kind, name))).strip("()")
    assert parameters == REPLACED[kind][name], ADVICE


@pytest.mark.parametrize(("kind", "name"), USED, ids=[f"{kind.__name__}.{name}" for kind, name in USED])
def test_what_we_use_is_there(kind: type, name: str) -> None:
    assert name in inspect.getsource(kind), ADVICE


@pytest.mark.parametrize("name", ERRORS)
def test_the_errors_that_we_answer_are_there(name: str) -> None:
    assert issubclass(getattr(errors, name), Exception), ADVICE


def test_the_rest_of_what_we_use_is_there() -> None:
    from gunicorn.http import message

    assert str(inspect.signature(wsgi.create)).startswith("(req, sock, client, server, cfg, response_class=None"), (
        ADVICE
    )
    assert "resp = response_class(req, sock, cfg, *response_args)" in inspect.getsource(wsgi.create), ADVICE
    assert callable(wsgi.base_environ), ADVICE
    assert gthread.STOP_KEEPALIVE_LINGER == 2.0, ADVICE
    assert "force_close" in vars(message.Request) or "def force_close" in inspect.getsource(message), ADVICE
    assert "_expected_100_continue" in inspect.getsource(message) + inspect.getsource(gthread), ADVICE
