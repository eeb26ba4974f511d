"""Stores a text as an event, and the user's own sentences in it as beliefs, word for word.

There is no model, so it extracts no facts. The low confidence of the beliefs says so.
"""

import hashlib
import re
from functools import partial
from typing import Any, Final

from memory.beliefs.models import Belief
from memory.beliefs.services import await_turn, record_belief
from memory.events.services import record_event
from memory.recall.sentences import user_sentences
from memory.transactions import again_after_deadlock, tenant_transaction
from tenants.limits.slots import heavy_if_large
from tenants.principal import Principal

CONFIDENCE: Final = 0.3
SENTENCES: Final = 100  # of one text; the event holds the whole text
LONGEST_SENTENCE: Final = 1000
# The punctuation of sentences, clauses and quotations, but not of numbers, sums of money or C++.
PUNCTUATION: Final = re.compile(
    r"[\s.,;:!?\u2026\"'()\[\]{}*_`\u00a1\u00ab\u00bb\u00bf\u2018-\u201f\u3001\u3002\u300c-\u300f\uff01\uff0c\uff1a\uff1b\uff1f]+"
)
UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")  # Thai to Chinese
SHORTEST_UNSPACED: Final = 4  # characters
UNFINISHED: Final = tuple("?:,;\uff1f\uff1a")  # ends of questions, and of lines that introduce a list


def ingest_text(*, principal: Principal, user_id: str, text: str, **event_fields: Any) -> tuple[dict[str, Any], int]:
    """Returns the event, and the number of new beliefs. The same text adds none the second time.

    Two texts may hold the same sentences in a different order and deadlock, so it is retried.
    """
    with heavy_if_large(principal.tenant_id, size=len(text)):
        return again_after_deadlock(partial(ingest_in_transaction, principal, user_id, text, **event_fields))


def ingest_in_transaction(
    principal: Principal, user_id: str, text: str, **event_fields: Any
) -> tuple[dict[str, Any], int]:
    with tenant_transaction(principal.tenant_id, by=principal):
        return write_text(principal, user_id, text, **event_fields)


def write_text(principal: Principal, user_id: str, text: str, **event_fields: Any) -> tuple[dict[str, Any], int]:
    unknown = unknown_sentences(principal, user_id, text)
    if unknown:  # two texts may hold the same sentences in a different order, so they take turns
        await_turn(principal.tenant_id, user_id, "said")
        unknown = unknown_sentences(principal, user_id, text)
    for key, sentence in unknown.items():
        record_belief(
            principal=principal,
            subject_id=user_id,
            key=key,
            value=sentence,
            confidence=CONFIDENCE,
            belief_type=Belief.Type.BELIEF,
            domain=None,
        )
    content = {"text": text}
    event = record_event(
        principal=principal, event_type="user_message", content=content, user_id=user_id, **event_fields
    )
    return event, len(unknown)


def unknown_sentences(principal: Principal, user_id: str, text: str) -> dict[str, str]:
    """By key, in the order of the text. Of sentences that differ only in punctuation or case, keeps the first."""
    sentences: dict[str, str] = {}
    for sentence in sentences_of(text):
        sentences.setdefault(key_of(sentence), sentence)
    known = Belief.objects.for_tenant(principal.tenant_id).active().filter(subject_id=user_id, key__in=sentences)
    for key in known.values_list("key", flat=True):
        del sentences[key]
    return sentences


def sentences_of(text: str) -> list[str]:
    """The user's statements, each once: no questions and no single words."""
    own = dict.fromkeys(user_sentences(text))
    return [sentence for sentence in own if is_statement(sentence)][:SENTENCES]


def is_statement(sentence: str) -> bool:
    asked = sentence.rstrip("\"'\u2019\u201d\xbb)*_ ").endswith(UNFINISHED)
    several_words = len(sentence.split()) > 1 or len(UNSPACED.findall(sentence)) >= SHORTEST_UNSPACED
    return not asked and several_words and len(sentence) <= LONGEST_SENTENCE


def key_of(sentence: str) -> str:
    """The same key for the same words, so that a repeated sentence is one belief."""
    normalized = PUNCTUATION.sub(" ", sentence.lower()).strip()
    return f"said_{hashlib.sha256(normalized.encode()).hexdigest()[:16]}"
