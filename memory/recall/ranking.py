"""The SQL that ranks beliefs for the words of a query, with PostgreSQL's full-text search.

It narrows by tenant and end user first, because row-level security allows an index for that. Only those rows are turned
into words, so the cost grows with the beliefs of one end user and not with the tenant's.
"""

from typing import Final

from memory.recall.words import sql_folded, sql_spaced

CANDIDATES: Final = 1000  # the newest active beliefs of the tenant, for a search without an end user
COMPARED: Final = 20_000  # the newest active beliefs of one end user, whose letters are compared
COMPARED_LETTERS: Final = 2_000_000  # of these, in all
RANKED: Final = 1000  # of these, the beliefs that are turned into words
RANKED_LETTERS: Final = 600_000  # of these, in all: 0.3 us each
LARGEST_ANSWER: Final = 50
INDEXED_LENGTH: Final = 4000  # characters of a value
COLUMNS: Final = "id, subject_id, key, value, confidence, belief_type, domain, uses, created_at, updated_at"
SIZE: Final = "least(octet_length(value), %(length)s)"  # of a value, without decompressing it
RARITY: Final = "1 / (1 + ln(greatest(count(DISTINCT id), 1)))"  # of a word; id: of the beliefs that contain it


def up_to(letters: int, rows: str, order: str) -> str:
    """Takes rows in this order until their values have so many letters in all. Takes at least one."""
    return f"""
    SELECT {COLUMNS} FROM (
        SELECT *, sum({SIZE}) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - {SIZE} AS letters_before
        FROM ({rows}) AS unbounded
    ) AS summed WHERE letters_before < {letters}
    """  # noqa: S608 - constants


NEWEST: Final = f"""
    SELECT {COLUMNS} FROM memory_belief
    WHERE tenant_id = %(tenant)s AND ended_at IS NULL {{}} ORDER BY id DESC LIMIT {{}}
"""  # noqa: S608 - a constant
BEST_FIRST: Final = f"""
    SELECT * FROM compared LEFT JOIN best USING (id) ORDER BY fit DESC NULLS LAST, id DESC LIMIT {RANKED}
"""  # noqa: S608 - a constant
# First compares the letters of a user's beliefs, which costs a fraction of a full-text comparison. Keeps those with the
# most and rarest words of the query, and fills up with the newest. Every step is computed once and joins by an index or
# over few rows, so that the plan doesn't depend on fresh statistics.
OF_ONE_USER: Final = f"""
compared AS MATERIALIZED (
    {up_to(COMPARED_LETTERS, NEWEST.format("AND subject_id = %(subject)s", COMPARED), "id DESC")}
), containing AS MATERIALIZED (
    SELECT id, place
    FROM compared CROSS JOIN LATERAL (
        SELECT DISTINCT place
        FROM (
            SELECT lower({sql_folded("key")} || ' ' || {sql_folded("left(value, %(length)s)")}) AS text OFFSET 0
        ) AS folded JOIN terms ON text LIKE ANY (patterns)
    ) AS holding
), text_rarities AS MATERIALIZED (
    SELECT place, {RARITY} AS rarity FROM containing GROUP BY place
), best AS MATERIALIZED (
    SELECT id, sum(rarity) AS fit FROM containing JOIN text_rarities USING (place)
    GROUP BY id ORDER BY fit DESC, id DESC LIMIT {RANKED}
), candidates AS (
    {up_to(RANKED_LETTERS, BEST_FIRST, "fit DESC NULLS LAST, id DESC")}
)
"""  # noqa: S608 - a constant
OF_THE_TENANT: Final = f"""
compared AS MATERIALIZED ({NEWEST.format("", CANDIDATES)}), candidates AS (
    {up_to(RANKED_LETTERS, "SELECT * FROM compared", "id DESC")}
)
"""  # noqa: S608 - a constant
# Compares the key and the value, each twice: as they are written, for names and code, and by the stems of the language.
# A word in many candidates has less weight: for "Alice's passport", "passport" matters more than "Alice".
# OFFSET 0 makes PostgreSQL compute an expression once per row. A pattern is a word or a stem without its last letter:
# "happ" finds happy and happiness.
RANK: Final = f"""
WITH words AS (
    SELECT place, word, weight, {sql_folded("word")} AS folded
    FROM unnest(%(places)s::int[], %(words)s::text[], %(weights)s::float8[]) AS w (place, word, weight)
), queries AS (
    SELECT place, word, weight, folded,
           plainto_tsquery(%(language)s::regconfig, word) AS stem, plainto_tsquery('simple', folded) AS plain
    FROM words
), terms AS MATERIALIZED (
    SELECT place, word, weight, stem || plain AS query,
           ARRAY(
               SELECT '%%' || regexp_replace({sql_folded("lexeme")}, '([^0-9][^0-9][^0-9])[^0-9]$', '\\1') || '%%'
               FROM unnest(
                   tsvector_to_array(to_tsvector(%(language)s::regconfig, word) || to_tsvector('simple', folded))
               ) AS lexeme
           ) AS patterns
    FROM queries WHERE numnode(stem) > 0 OR NOT EXISTS (SELECT FROM queries WHERE numnode(stem) > 0)
), {{candidates}}, spaced AS (
    SELECT *, {sql_spaced("key")} AS name, {sql_spaced("left(value, %(length)s)")} AS text FROM candidates OFFSET 0
), vectors AS MATERIALIZED (
    SELECT *, setweight(to_tsvector('simple', {sql_folded("text")}), 'A')
           || setweight(to_tsvector(%(language)s::regconfig, text), 'B')
           || setweight(to_tsvector('simple', {sql_folded("name")}), 'C')
           || setweight(to_tsvector(%(language)s::regconfig, name), 'D') AS vector
    FROM spaced OFFSET 0
), rarities AS MATERIALIZED (
    SELECT place, {RARITY} AS rarity FROM terms LEFT JOIN vectors ON vector @@ query GROUP BY place
), hits AS (
    SELECT vectors.*, hit.*
    FROM vectors CROSS JOIN LATERAL (
        SELECT sum(weight * rarity) AS weight, array_agg(word) AS words,
               string_agg('(' || query::text || ')', ' | ')::tsquery AS query
        FROM (
            SELECT DISTINCT ON (place) place, word, weight, query FROM terms
            WHERE vector @@ query ORDER BY place, weight DESC
        ) AS matches JOIN rarities USING (place)
    ) AS hit
    WHERE words IS NOT NULL
)
SELECT compared, ranked, {COLUMNS},
       weight / (SELECT sum(rarity) FROM rarities) AS coverage, ts_rank_cd(vector, query, 32) AS closeness, words
FROM (SELECT (SELECT count(*) FROM compared), (SELECT count(*) FROM vectors)) AS cost (compared, ranked)
LEFT JOIN hits ON true
ORDER BY coverage DESC, closeness DESC, id DESC
LIMIT {4 * LARGEST_ANSWER}
"""  # noqa: S608 - a constant
