"""Where hits are counted: PostgreSQL, or Redis if there is one. Both take the same steps, each in one atomic go."""

from typing import Final, NamedTuple, Protocol

from postgres.statements import Statement

LONGEST_WAIT: Final = 15 * 60
FORGIVEN_AFTER: Final = 60 * 60
REDIS_TIMEOUT_SECONDS: Final = 0.5


class Limit(NamedTuple):
    """At most so many hits in a fixed window, which begins with its first hit.

    Growing: who goes over waits 1, 2, 4, 8 and then 15 minutes, with one try after each wait; never for good. An hour
    without a hit forgets it.
    """

    name: str
    most: int
    seconds: int
    growing: bool = False


class Usage(NamedTuple):
    """Of each wait, exactly one caller sees `limit.most + 1` hits: the one who began it."""

    hits: int
    seconds_left: int


class Counters(Protocol):
    def count(self, name: bytes, limit: Limit) -> Usage: ...
    def refund(self, name: bytes, limit: Limit) -> None: ...
    def forgive(self, name: bytes) -> None: ...


# Each count also sweeps up to two rows that are forgotten anyway, so that the table can't grow for ever.
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


class PostgresCounters:
    def count(self, name: bytes, limit: Limit) -> Usage:
        sizes = {**limit._asdict(), "longest": LONGEST_WAIT, "forgiven": FORGIVEN_AFTER}
        return Usage(*COUNT.rows(**sizes, counter=name)[0])

    def refund(self, name: bytes, limit: Limit) -> None:
        REFUND.rows(name=name, most=limit.most)

    def forgive(self, name: bytes) -> None:
        FORGIVE.rows(name=name)


# The same steps by Redis' own clock, in milliseconds. A key goes when its strikes are forgotten.
COUNT_SCRIPT: Final = """
local most, seconds, growing = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
local longest, forgiven = tonumber(ARGV[4]) * 1000, tonumber(ARGV[5]) * 1000
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local row = redis.call('HMGET', KEYS[1], 'hits', 'strikes', 'ends_at')
local hits, strikes, ends_at = tonumber(row[1]) or 0, tonumber(row[2]) or 0, tonumber(row[3]) or 0
if ends_at > now then
    hits = hits + 1
else
    if ends_at <= now - forgiven then strikes = 0 end
    hits = strikes > 0 and most or 1
    ends_at = now + seconds * 1000
end
if growing and hits == most + 1 then
    ends_at = now + math.min(longest, 60000 * 2 ^ strikes)
    strikes = math.min(strikes + 1, 9)
end
redis.call('HSET', KEYS[1], 'hits', hits, 'strikes', strikes, 'ends_at', ends_at)
redis.call('PEXPIREAT', KEYS[1], strikes > 0 and ends_at + forgiven or ends_at)
return {hits, math.ceil((ends_at - now) / 1000)}
"""
REFUND_SCRIPT: Final = """
local hits = tonumber(redis.call('HGET', KEYS[1], 'hits') or 0)
if hits >= 1 and hits <= tonumber(ARGV[1]) then redis.call('HINCRBY', KEYS[1], 'hits', -1) end
"""


class RedisCounters:
    def __init__(self, url: str) -> None:
        import redis  # here: only who uses Redis pays for it

        self.away = redis.RedisError
        timeout = REDIS_TIMEOUT_SECONDS
        self.client = redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        self.count_script = self.client.register_script(COUNT_SCRIPT)
        self.refund_script = self.client.register_script(REFUND_SCRIPT)

    def count(self, name: bytes, limit: Limit) -> Usage:
        sizes = [limit.most, limit.seconds, int(limit.growing), LONGEST_WAIT, FORGIVEN_AFTER]
        return Usage(*self.count_script([self.key(name)], sizes))

    def refund(self, name: bytes, limit: Limit) -> None:
        self.refund_script([self.key(name)], [limit.most])

    def forgive(self, name: bytes) -> None:
        self.client.delete(self.key(name))

    def key(self, name: bytes) -> str:
        return f"memgraph:counter:{name.hex()}"
