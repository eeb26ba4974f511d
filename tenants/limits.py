"""Limits that hold across workers and hosts: one atomic step counts, so that parallel calls can't slip through."""

import hashlib
import logging
from collections.abc import Callable
from functools import cache
from typing import Final, TypeVar

from django.conf import settings

from tenants.counters import Counters, Limit, PostgresCounters, RedisCounters, Usage
from tenants.problems import TooManyRequests

__all__ = ["Limit", "Usage", "count", "enforce", "forgive", "over", "refund"]

POSTGRES: Final = PostgresCounters()
logger = logging.getLogger("memgraph.limits")
T = TypeVar("T")


def enforce(limit: Limit, subject: str) -> None:
    """Counts a hit; raises 429 if it is over the limit."""
    usage = count(limit, subject)
    if usage.hits > limit.most:
        raise over(limit, usage)


def over(limit: Limit, usage: Usage) -> TooManyRequests:
    return TooManyRequests(usage.seconds_left, name=limit.name, most=limit.most, window=limit.seconds)


def count(limit: Limit, subject: str) -> Usage:
    """Counts a hit. Call it outside of transactions: what is rolled back was not counted."""
    name = digest(limit, subject)
    return with_counters(lambda counters: counters.count(name, limit))


def refund(limit: Limit, subject: str) -> None:
    """Takes back a hit that turned out to be none, such as a sign-in that was right. It cuts no wait short."""
    name = digest(limit, subject)
    with_counters(lambda counters: counters.refund(name, limit))


def forgive(limit: Limit, subject: str) -> None:
    """Forgets the hits and any wait."""
    name = digest(limit, subject)
    with_counters(lambda counters: counters.forgive(name))


def digest(limit: Limit, subject: str) -> bytes:
    return hashlib.sha256(f"{limit.name} {subject}".encode()).digest()


def with_counters(act: Callable[[Counters], T]) -> T:
    """Redis, if there is one. While it is away PostgreSQL counts, from nothing: limits never go without."""
    if settings.REDIS_URL:
        counters = redis_counters(settings.REDIS_URL)
        try:
            return act(counters)
        except counters.away as error:
            logger.warning("Redis is away; PostgreSQL counts.", extra={"error": type(error).__name__})
    return act(POSTGRES)


@cache
def redis_counters(url: str) -> RedisCounters:
    return RedisCounters(url)
