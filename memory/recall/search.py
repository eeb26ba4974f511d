"""Lexical search over beliefs, by PostgreSQL's full-text search. Called inside `tenant_transaction`.

A search is narrowed first, by tenant and end user, which row-level security lets an index do; only those rows are
turned into words, so that the cost grows with one end user's beliefs and not with the tenant's. What it can't do is
know meanings: "Where does Alice live?" does not find "Moved to Pune". An index that can
has its place in `rank_beliefs`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from memory.models import Belief
from memory.transactions import tenant_transaction
from memory.words import PATTERNS, fold, sql_folded, sql_spaced, words_of
from tenants.slots import HEAVY_CALLS

CANDIDATES: Final = 1000  # the newest active beliefs that a search over the tenant looks at
SPELLED: Final = 2000  # of one end user's, the newest whose words a slip is looked for among
VOCABULARY_WORDS: Final = 50_000  # of these, at most
RANKED: Final = 1000  # of one end user's, all of which are looked at
LARGEST_ANSWER: Final = 50
INDEXED_LENGTH: Final = 4000  # characters of a value
HALF_LIFE_DAYS: Final = 30
CORRECTED_WEIGHT: Final = 0.7
SHORTEST_CORRECTED: Final = 4
RECALL_NOTED_EVERY: Final = timedelta(minutes=1)
FLOOR: Final = 0.35  # what any hit scores; the rest is shared out by these weights
WEIGHTS: Final = {"words": 0.6, "recency": 0.2, "confidence": 0.15, "use": 0.05}

COLUMNS: Final = "id, subject_id, key, value, confidence, belief_type, domain, uses, created_at, updated_at"
RARITY: Final = "1 / (1 + ln(greatest(count(DISTINCT id), 1)))"  # of a word, by the beliefs that hold it
# Of one end user every belief is looked at, but only at its letters, which costs a fraction of what its words would:
# those that hold most of the query's words are ranked, a word of few beliefs before one of many, then the newest.
# Every step is worked out once, and joined by an index, or by few rows: its plan must not hang on fresh statistics.
OF_ONE_USER: Final = f"""
looked AS MATERIALIZED (
    SELECT id, place
    FROM memory_belief CROSS JOIN LATERAL (
        SELECT DISTINCT place
        FROM (
            SELECT lower({sql_folded("key")} || ' ' || {sql_folded("left(value, %(length)s)")}) AS text OFFSET 0
        ) AS folded JOIN telling ON text LIKE ANY (patterns)
    ) AS holding
    WHERE tenant_id = %(tenant)s AND ended_at IS NULL AND subject_id = %(subject)s
), looked_rarities AS MATERIALIZED (
    SELECT place, {RARITY} AS rarity FROM looked GROUP BY place
), best AS MATERIALIZED (
    SELECT id FROM looked JOIN looked_rarities USING (place)
    GROUP BY id ORDER BY sum(rarity) DESC, id DESC LIMIT {RANKED}
), candidates AS (
    (
        SELECT {COLUMNS} FROM memory_belief WHERE tenant_id = %(tenant)s AND id = ANY (ARRAY(SELECT id FROM best))
    ) UNION ALL (
        SELECT {COLUMNS} FROM memory_belief
        WHERE tenant_id = %(tenant)s AND ended_at IS NULL AND subject_id = %(subject)s
        AND id NOT IN (SELECT id FROM best)
        ORDER BY id DESC LIMIT {RANKED} - (SELECT count(*) FROM best)
    )
)
"""  # noqa: S608 - a constant of ours
OF_THE_TENANT: Final = f"""
candidates AS (
    SELECT {COLUMNS} FROM memory_belief WHERE tenant_id = %(tenant)s AND ended_at IS NULL
    ORDER BY id DESC LIMIT {CANDIDATES}
)
"""  # noqa: S608 - a constant of ours
# Words of the key count, and so does the value twice: as it stands, for names and code, and by the language's stems.
# The more candidates hold a word, the less it tells: Alice's passport is not what else is known of Alice.
# OFFSET 0: worked out once for a row. A pattern is a word or its stem, less a letter: happ, for happy and happiness.
RANK: Final = f"""
WITH words AS (
    SELECT place, word, weight, {sql_folded("word")} AS folded
    FROM unnest(%(places)s::int[], %(words)s::text[], %(weights)s::float8[]) AS w (place, word, weight)
), queries AS (
    SELECT place, word, weight, folded,
           plainto_tsquery(%(language)s::regconfig, word) AS stem, plainto_tsquery('simple', folded) AS plain
    FROM words
), telling AS MATERIALIZED (
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
    SELECT place, {RARITY} AS rarity FROM telling LEFT JOIN vectors ON vector @@ query GROUP BY place
), hits AS (
    SELECT vectors.*, hit.*
    FROM vectors CROSS JOIN LATERAL (
        SELECT sum(weight * rarity) AS weight, array_agg(word) AS words,
               string_agg('(' || query::text || ')', ' | ')::tsquery AS query
        FROM (
            SELECT DISTINCT ON (place) place, word, weight, query FROM telling
            WHERE vector @@ query ORDER BY place, weight DESC
        ) AS matches JOIN rarities USING (place)
    ) AS hit
    WHERE words IS NOT NULL
)
SELECT id, subject_id, key, value, confidence, belief_type, domain, uses, created_at, updated_at,
       weight / (SELECT sum(rarity) FROM rarities) AS coverage, ts_rank_cd(vector, query, 32) AS closeness, words
FROM hits
ORDER BY coverage DESC, closeness DESC, id DESC
LIMIT {4 * LARGEST_ANSWER}
"""  # noqa: S608 - a constant of ours
TELLING: Final = """
SELECT word FROM unnest(%(words)s::text[]) AS word WHERE numnode(plainto_tsquery(%(language)s::regconfig, word)) > 0
"""
VOCABULARY: Final = f"""
SELECT DISTINCT unnest(tsvector_to_array(to_tsvector('simple', {sql_folded("text")})))
FROM (
    SELECT {sql_spaced("key || ' ' || left(value, %(length)s)")} AS text FROM memory_belief
    WHERE tenant_id = %(tenant)s AND ended_at IS NULL {{narrowed}}
    ORDER BY id DESC LIMIT %(spelled)s
) AS candidates LIMIT {VOCABULARY_WORDS}
"""  # noqa: S608 - a constant of ours


class Term(NamedTuple):
    """A word of the query, or a known word that it may be a slip of."""

    place: int
    word: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Hit:
    id: UUID
    subject_id: str
    key: str
    value: str
    confidence: float
    belief_type: str
    domain: str | None
    created_at: datetime
    updated_at: datetime
    score: float
    parts: dict[str, float]
    words: list[str]


@dataclass(kw_only=True)
class Found:
    hits: list[Hit] = field(default_factory=list)
    corrections: dict[str, list[str]] = field(default_factory=dict)

    @property
    def match(self) -> str:
        return ("corrected" if self.corrections else "lexical") if self.hits else "none"


def look_up(*, tenant_id: UUID, query: str, subject_id: str | None, limit: int) -> Found:
    """A search by itself, which counts as no recall. It has a heavy call's slot."""
    with HEAVY_CALLS.take(tenant_id), tenant_transaction(tenant_id):
        return search_beliefs(tenant_id=tenant_id, query=query, subject_id=subject_id, limit=limit)


def search_beliefs(*, tenant_id: UUID, query: str, subject_id: str | None, limit: int = LARGEST_ANSWER) -> Found:
    """The best hits for a query, best first; of one end user, or of the tenant's newest beliefs without one.

    A word that is nowhere is taken for a slip of the words next to it in spelling, at a discount.
    """
    scope = Scope(tenant_id, subject_id)
    terms = [Term(place, word, 1.0) for place, word in enumerate(words_of(query))]
    if not terms:
        return Found()
    hits = rank_beliefs(scope, terms)
    known = {word for hit in hits for word in hit.words}
    corrections = correct(scope, [term for term in terms if term.word not in known])
    if corrections:
        hits = rank_beliefs(scope, [*terms, *corrections])
    corrected: dict[str, list[str]] = {}
    for term in corrections:
        corrected.setdefault(terms[term.place].word, []).append(term.word)
    return Found(hits=hits[:limit], corrections=corrected)


class Scope(NamedTuple):
    tenant_id: UUID
    subject_id: str | None

    def run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        if self.subject_id is None:
            parts, spelled = {"narrowed": "", "candidates": OF_THE_TENANT}, CANDIDATES
        else:
            parts, spelled = {"narrowed": "AND subject_id = %(subject)s", "candidates": OF_ONE_USER}, SPELLED
        values |= PATTERNS | {"language": settings.SEARCH_LANGUAGE, "length": INDEXED_LENGTH, "spelled": spelled}
        values |= {"tenant": self.tenant_id, "subject": self.subject_id}
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**parts), values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def rank_beliefs(scope: Scope, terms: list[Term]) -> list[Hit]:
    """The seam: whatever ranks a scope's beliefs for a query, by words today, can take this function's place."""
    places, words, weights = map(list, zip(*terms, strict=True))
    rows = scope.run(RANK, places=places, words=words, weights=weights)
    now = timezone.now()
    return sorted((make_hit(row, now) for row in rows), key=lambda hit: -hit.score)


def make_hit(row: tuple[Any, ...], now: datetime) -> Hit:
    """A real hit scores over 0.35: words decide most, then how new, how sure and how often recalled it is."""
    row_id, subject_id, key, value, confidence, belief_type, domain, uses, created_at, updated_at, *found = row
    coverage, closeness, words = found
    parts = {
        "words": 0.8 * float(coverage) + 0.2 * float(closeness),
        "recency": 0.5 ** (max(0.0, (now - updated_at).total_seconds()) / 86400 / HALF_LIFE_DAYS),
        "confidence": confidence,
        "use": uses / (uses + 5),
    }
    blend = sum(weight * parts[name] for name, weight in WEIGHTS.items())
    return Hit(
        id=row_id,
        subject_id=subject_id,
        key=key,
        value=value,
        confidence=confidence,
        belief_type=belief_type,
        domain=domain,
        created_at=created_at,
        updated_at=updated_at,
        score=round(FLOOR + (1 - FLOOR) * blend, 4),
        parts={name: round(part, 4) for name, part in parts.items()},
        words=words,
    )


def correct(scope: Scope, unknown: list[Term]) -> list[Term]:
    """Known words one slip away, or two in a long word: inserted, lost, wrong or swapped letters. Stop words aren't."""
    long = [term for term in unknown if len(term.word) >= SHORTEST_CORRECTED]
    telling = {word for (word,) in scope.run(TELLING, words=[term.word for term in long])} if long else set()
    slips = [term for term in long if term.word in telling]
    if not slips:
        return []
    vocabulary = {word for (word,) in scope.run(VOCABULARY) if len(word) >= SHORTEST_CORRECTED}
    corrections = []
    for term in slips:
        if fold(term.word) in vocabulary:  # not a slip: what holds it came after better hits
            continue
        allowed = 1 if len(term.word) < 2 * SHORTEST_CORRECTED else 2
        near = process.extract(
            fold(term.word), vocabulary, scorer=DamerauLevenshtein.distance, score_cutoff=allowed, limit=3
        )
        corrections += [Term(term.place, word, CORRECTED_WEIGHT) for word, _, _ in near]
    return corrections


def note_recall(*, tenant_id: UUID, hits: list[Hit]) -> None:
    """Counts that these were recalled, at most once a minute each: what is recalled often ranks a little higher.

    Not those that somebody is writing: a search waits for nobody, and nobody waits for a search that waits.
    """
    now = timezone.now()
    unnoted = Q(recalled_at=None) | Q(recalled_at__lte=now - RECALL_NOTED_EVERY)
    recalled = Belief.objects.for_tenant(tenant_id).filter(unnoted, id__in=[hit.id for hit in hits])
    unlocked = recalled.select_for_update(skip_locked=True, no_key=True).values("id")
    Belief.objects.for_tenant(tenant_id).filter(id__in=unlocked).update(uses=F("uses") + 1, recalled_at=now)
