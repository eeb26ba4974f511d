"""Limits that hold across workers and hosts: one atomic statement counts, so parallel calls can't slip through."""

import hashlib
from typing import Final, NamedTuple

from postgres.statements import Statement
from tenants.problems import TooManyRequests

LONGEST_WAIT: Final = 15 * 60
FORGIVEN_AFTER: Final = 60 * 60


class Limit(NamedTuple):
    """Allows `most` hits in a fixed window, which begins with the first hit.

    With `growing`, a hit over the limit starts a lockout of 1, 2, 4, 8 and then always 15 minutes. Each lockout is
    followed by one try. The next lockout is short again an hour after the last window or lockout ended.
    """

    name: str
    most: int
    seconds: int
    growing: bool = False


class Usage(NamedTuple):
    """Only the call that starts a lockout sees `limit.most + 1` hits, so a lockout is audited once."""

    hits: int
    seconds_left: int


# Each count also deletes up to two rows that no longer have an effect, so that the table can't grow forever.
COUNT: Final = Statement("""
WITH swept AS (
    DELETE FROM tenants_counter WHERE name IN (
        SELECT name FROM tenants_counter
        WHERE ends_at < statement_timestamp() - %(forgiven)s * interval '1 second' AND name <> %(counter)s
        ORDER BY ends_at LIMIT 2 FOR UPDATE SKIP LOCKED
    )
)
INSERT INTO tenants_counter AS c (name, hits, strikes, ends_at)
VALUES (%(counter)s, 1, 0, statement_timestamp() + %(seconds)s * interval '1 second')
ON CONFLICT (name) DO UPDATE SET (hits, strikes, ends_at) = (
    SELECT n.hits,
           CASE WHEN n.begins_wait THEN least(n.strikes + 1, 9) ELSE n.strikes END,
           CASE WHEN n.begins_wait THEN n.now + least(%(longest)s, 60 * 2 ^ n.strikes) * interval '1 second'
                WHEN n.running THEN c.ends_at
                ELSE n.now + %(seconds)s * interval '1 second' END
    FROM (SELECT w.*, %(growing)s AND w.hits = %(most)s + 1 AS begins_wait
          FROM (SELECT now, running, strikes,
                       CASE WHEN running THEN c.hits + 1 WHEN strikes > 0 THEN %(most)s ELSE 1 END AS hits
                FROM (SELECT statement_timestamp() AS now,
                             c.ends_at > statement_timestamp() AS running,
                             CASE WHEN c.ends_at > statement_timestamp() - %(forgiven)s * interval '1 second'
                                  THEN c.strikes ELSE 0 END AS strikes) AS v) AS w) AS n
)
RETURNING hits, ceil(extract(epoch FROM ends_at - statement_timestamp()))::int
""")
REFUND: Final = Statement("""
UPDATE tenants_counter SET hits = hits - 1
WHERE name = %(name)s AND hits BETWEEN 1 AND %(most)s AND ends_at > statement_timestamp()
RETURNING true
""")
FORGIVE: Final = Statement("DELETE FROM tenants_counter WHERE name = %(name)s RETURNING true")


def enforce(limit: Limit, subject: str) -> None:
    """Counts a hit. Raises 429 if it is over the limit."""
    usage = count(limit, subject)
    if usage.hits > limit.most:
        raise over(limit, usage)


def over(limit: Limit, usage: Usage) -> TooManyRequests:
    return TooManyRequests(usage.seconds_left, name=limit.name, most=limit.most, window=limit.seconds)


def count(limit: Limit, subject: str) -> Usage:
    """Counts a hit. Call it outside a transaction, because a rollback would undo the count."""
    sizes = {**limit._asdict(), "longest": LONGEST_WAIT, "forgiven": FORGIVEN_AFTER}
    return Usage(*COUNT.rows(**sizes, counter=digest(limit, subject))[0])


def refund(limit: Limit, subject: str) -> None:
    """Takes back a hit that should not count, such as a successful sign-in. Doesn't shorten a lockout."""
    REFUND.rows(name=digest(limit, subject), most=limit.most)


def forgive(limit: Limit, subject: str) -> None:
    """Deletes the counter, and with it any lockout."""
    FORGIVE.rows(name=digest(limit, subject))


def digest(limit: Limit, subject: str) -> bytes:
    return hashlib.sha256(f"{limit.name} {subject}".encode()).digest()
