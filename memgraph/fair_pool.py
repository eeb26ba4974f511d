"""A worker's threads, of which one caller never has more than a few: its other requests wait in a line of their own.

Without it 40 requests of one key stand in front of everybody else's, and run beside them for Python's lock. Waiting
here holds no thread, and needs no refusal. Who calls is read from the head of the request, before anything is checked.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

SHARE: Final = 3  # threads of one caller: as many as one tenant has places for searches and batches
CREDENTIAL: Final = re.compile(rb"\r\n(?:x-api-key|authorization|cookie)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
FORWARDED: Final = re.compile(rb"\r\nx-forwarded-for[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
PROBE: Final = re.compile(rb"(?:GET|HEAD) /(?:live|health|v1/health|metrics)[? ]")


class FairPool(ThreadPoolExecutor):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.lock = Lock()
        self.running: Counter[Hashable] = Counter()
        self.lines: defaultdict[Hashable, deque[tuple[Future[Any], Callable[[], Any]]]] = defaultdict(deque)

    def submit_for(self, caller: Hashable, act: Callable[[], Any]) -> Future[Any]:
        """None is a caller without a limit."""
        if caller is None:
            return self.submit(act)
        future: Future[Any] = Future()
        with self.lock:
            if self.running[caller] >= SHARE:
                self.lines[caller].append((future, act))
                return future
            self.running[caller] += 1
        self.submit(self.run, caller, future, act)
        return future

    def run(self, caller: Hashable, future: Future[Any], act: Callable[[], Any]) -> None:
        try:
            future.set_result(act())
        except BaseException as error:
            future.set_exception(error)
        self.begin_next(caller)

    def begin_next(self, caller: Hashable) -> None:
        """At the end of the pool's queue, so that the other callers' requests come before it."""
        with self.lock:
            line = self.lines.get(caller)
            following = line.popleft() if line else None
            if not line:
                self.lines.pop(caller, None)
            if not following:
                self.running -= Counter([caller])
                return
        try:
            self.submit(self.run, caller, *following)
        except RuntimeError:  # the worker ends
            following[0].cancel()


def caller_of(head: bytes, address: str, proxies: int) -> Hashable:
    """By the credential, or else by the address: that which the outermost trusted proxy saw."""
    if PROBE.match(head):
        return None
    if credential := CREDENTIAL.search(head):
        return hash(credential[1])  # and not the credential itself, which is a secret
    if proxies and (forwarded := FORWARDED.search(head)):
        chain = forwarded[1].split(b",")
        return chain[-proxies].strip() if len(chain) >= proxies else address
    return address
