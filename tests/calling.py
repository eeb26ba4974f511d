from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

import httpx
from django.db import connection


class Caller(local):
    """A client of each thread's own: one shared by threads may close a connection that another has just taken."""

    def __init__(self, base_url: str) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=base_url, limits=limits, timeout=30)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def elsewhere(call: Callable[[], Any]) -> Any:
    """In another thread, so with another connection, as another request would be."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()
