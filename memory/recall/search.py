"""Lexical search over beliefs. Called inside `tenant_transaction`.

The search takes the beliefs of one end user, or the tenant's newest ones, ranks them (`ranking.py`), and if a word is
found nowhere, tries words that are spelled alike. It doesn't know meanings: "Where does Alice live?" doesn't find
"Moved to Pune". A semantic index would replace `rank_beliefs`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, Q
from django.utils import timezone
from rapidfuzz import process
from rapidfuzz.distance import DamerauLevenshtein

from memory.beliefs.models import Belief
from memory.recall.ranking import (
    CANDIDATES,
    INDEXED_LENGTH,
    LARGEST_ANSWER,
    NEWEST,
    OF_ONE_USER,
    OF_THE_TENANT,
    RANK,
    RANKED_LETTERS,
    up_to,
)
from memory.recall.words import PATTERNS, fold, sql_folded, sql_spaced, words_of

SPELLED: Final = 2000  # the newest beliefs of an end user whose words are candidates for a correction
VOCABULARY_WORDS: Final = 50_000  # of these, at most
HALF_LIFE_DAYS: Final = 30
CORRECTED_WEIGHT: Final = 0.7
SHORTEST_CORRECTED: Final = 4
RECALL_COUNTED_EVERY: Final = timedelta(minutes=1)
FLOOR: Final = 0.35  # the least score of a hit; these weights share out the rest
WEIGHTS: Final = {"words": 0.6, "recency": 0.2, "confidence": 0.15, "use": 0.05}
TELLING: Final = """
SELECT word FROM unnest(%(words)s::text[]) AS word WHERE numnode(plainto_tsquery(%(language)s::regconfig, word)) > 0
"""
NEWEST_BELIEFS: Final = NEWEST.format("{narrowed}", "%(spelled)s")
VOCABULARY: Final = f"""
SELECT DISTINCT unnest(tsvector_to_array(to_tsvector('simple', {sql_folded("text")})))
FROM (
    SELECT {sql_spaced("key || ' ' || left(value, %(length)s)")} AS text
    FROM ({up_to(RANKED_LETTERS, NEWEST_BELIEFS, "id DESC")}) AS newest
) AS candidates LIMIT {VOCABULARY_WORDS}
"""  # noqa: S608 - a constant of ours


class Term(NamedTuple):
    """A word of the query, or a known word that the caller may have meant."""

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
    compared: int = 0  # beliefs whose letters were compared
    ranked: int = 0  # of these, the beliefs that were turned into words
    seconds: float = 0.0

    @property
    def match(self) -> str:
        return ("corrected" if self.corrections else "lexical") if self.hits else "none"


def search_beliefs(*, tenant_id: UUID, query: str, subject_id: str | None, limit: int = LARGEST_ANSWER) -> Found:
    """Returns the best hits for a query, best first: of one end user, or among the tenant's newest beliefs.

    A word that is found nowhere counts as a misspelling of similar words, with less weight.
    """
    began = monotonic()
    scope = Scope(tenant_id, subject_id)
    terms = [Term(place, word, 1.0) for place, word in enumerate(words_of(query))]
    if not terms:
        return Found()
    found = rank_beliefs(scope, terms)
    known = {word for hit in found.hits for word in hit.words}
    corrections = correct(scope, [term for term in terms if term.word not in known])
    if corrections:
        found = rank_beliefs(scope, [*terms, *corrections])
    for term in corrections:
        found.corrections.setdefault(terms[term.place].word, []).append(term.word)
    found.hits = found.hits[:limit]
    found.seconds = monotonic() - began
    return found


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


def rank_beliefs(scope: Scope, terms: list[Term]) -> Found:
    """Ranks the beliefs of a scope for the words of a query."""
    places, words, weights = map(list, zip(*terms, strict=True))
    rows = scope.run(RANK, places=places, words=words, weights=weights)
    now, (compared, ranked, *_) = timezone.now(), rows[0]
    hits = sorted((make_hit(row[2:], now) for row in rows if row[2] is not None), key=lambda hit: -hit.score)
    return Found(hits=hits, compared=compared, ranked=ranked)


def make_hit(row: tuple[Any, ...], now: datetime) -> Hit:
    """A hit scores at least 0.35. Its words count most, then its age, its confidence, and how often it was recalled."""
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
    """Returns known words that differ by one inserted, missing, wrong or swapped letter, or by two in a long word.

    Doesn't correct stop words.
    """
    long = [term for term in unknown if len(term.word) >= SHORTEST_CORRECTED]
    telling = {word for (word,) in scope.run(TELLING, words=[term.word for term in long])} if long else set()
    slips = [term for term in long if term.word in telling]
    if not slips:
        return []
    vocabulary = {word for (word,) in scope.run(VOCABULARY) if len(word) >= SHORTEST_CORRECTED}
    corrections = []
    for term in slips:
        if fold(term.word) in vocabulary:  # spelled right: its beliefs just weren't among the best hits
            continue
        allowed = 1 if len(term.word) < 2 * SHORTEST_CORRECTED else 2
        near = process.extract(
            fold(term.word), vocabulary, scorer=DamerauLevenshtein.distance, score_cutoff=allowed, limit=3
        )
        corrections += [Term(term.place, word, CORRECTED_WEIGHT) for word, _, _ in near]
    return corrections


def count_recall(*, tenant_id: UUID, hits: list[Hit]) -> None:
    """Counts that these were recalled, at most once a minute each. Beliefs that are recalled often rank a bit higher.

    Skips beliefs that are locked, so that a search never waits for a writer.
    """
    now = timezone.now()
    uncounted = Q(recalled_at=None) | Q(recalled_at__lte=now - RECALL_COUNTED_EVERY)
    recalled = Belief.objects.for_tenant(tenant_id).filter(uncounted, id__in=[hit.id for hit in hits])
    unlocked = recalled.select_for_update(skip_locked=True, no_key=True).values("id")
    Belief.objects.for_tenant(tenant_id).filter(id__in=unlocked).update(uses=F("uses") + 1, recalled_at=now)
