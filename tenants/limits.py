"""Limits that hold across workers and hosts: one atomic statement counts, so that parallel calls can't slip through."""

import hashlib
from typing import Final, NamedTuple

from django.db import connection
from rest_framework.exceptions import Throttled

LONGEST_WAIT: Final = 15 * 60
FORGIVEN_AFTER: Final = 60 * 60

COUNT: Final = """
INSERT INTO tenants_counter AS c (name, hits, strikes, ends_at)
VALUES (%(name)s, 1, 0, now() + %(seconds)s * interval '1 second')
ON CONFLICT (name) DO UPDATE SET
    hits = CASE WHEN c.ends_at > now() THEN c.hits + 1
                WHEN c.strikes > 0 AND c.ends_at > now() - %(forgiven)s * interval '1 second' THEN %(most)s
                ELSE 1 END,
    strikes = CASE WHEN c.ends_at > now() - %(forgiven)s * interval '1 second' THEN c.strikes ELSE 0 END,
    ends_at = CASE WHEN c.ends_at > now() THEN c.ends_at ELSE now() + %(seconds)s * interval '1 second' END
RETURNING hits, ceil(extract(epoch FROM ends_at - now()))::int
"""
LENGTHEN: Final = """
UPDATE tenants_counter
SET strikes = strikes + 1, ends_at = now() + least(%(longest)s, 60 * 2 ^ least(strikes, 9)) * interval '1 second'
WHERE name = %(name)s
RETURNING ceil(extract(epoch FROM ends_at - now()))::int
"""
REFUND: Final = "UPDATE tenants_counter SET hits = hits - 1 WHERE name = %(name)s AND hits > 0 AND ends_at > now()"
FORGIVE: Final = "DELETE FROM tenants_counter WHERE name = %(name)s"


class Limit(NamedTuple):
    """At most so many hits in a fixed window, which begins with its first hit.

    Growing: who goes over waits 1, 2, 4, 8 and then 15 minutes, with one try after each wait; never for good.
    """

    name: str
    most: int
    seconds: int
    growing: bool = False


class Usage(NamedTuple):
    hits: int
    seconds_left: int


def enforce(limit: Limit, subject: str) -> None:
    """Counts a hit; raises `Throttled` (429) if it is over the limit."""
    usage = count(limit, subject)
    if usage.hits > limit.most:
        raise Throttled(usage.seconds_left)


def count(limit: Limit, subject: str) -> Usage:
    name = digest(limit, subject)
    with connection.cursor() as cursor:
        sizes = {"most": limit.most, "seconds": limit.seconds, "forgiven": FORGIVEN_AFTER}
        cursor.execute(COUNT, {"name": name, **sizes})
        usage = Usage(*cursor.fetchone())
        if limit.growing and usage.hits == limit.most + 1:  # one caller sees this number
            cursor.execute(LENGTHEN, {"name": name, "longest": LONGEST_WAIT})
            usage = Usage(usage.hits, *cursor.fetchone())
    return usage


def refund(limit: Limit, subject: str) -> None:
    """Takes back a hit that turned out not to be one, such as a sign-in that was right."""
    with connection.cursor() as cursor:
        cursor.execute(REFUND, {"name": digest(limit, subject)})


def forgive(limit: Limit, subject: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FORGIVE, {"name": digest(limit, subject)})


def digest(limit: Limit, subject: str) -> bytes:
    return hashlib.sha256(f"{limit.name} {subject}".encode()).digest()
