"""Splits text into words, in Python for the query and in SQL for the beliefs, by the same rules.

PostgreSQL's parser keeps e-mail addresses, versions and paths in one piece, and in some locales takes punctuation
beyond ASCII for letters. So punctuation, symbols and emoji become spaces first, by patterns that mean the same on both
sides.
"""

import re
import unicodedata
from typing import Final

WORDS: Final = 32  # of a query
SEPARATORS: Final = (
    r"[\u0021-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u2000-\u206f\u20e3\u2190-\u2bff\u3000-\u3003\u3008-\u3020\ufe00-\ufe0f"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff]"
)
THOUSANDS: Final = "(?<=[0-9]),(?=[0-9]{3}(?![0-9]))"  # 1,250 is 1250
ACCENTS: Final = r"[\u0300-\u036f]"
PATTERNS: Final = {"separators": SEPARATORS, "thousands": THOUSANDS, "accents": ACCENTS}


def words_of(query: str) -> list[str]:
    """The first 32 distinct words, in lower case."""
    plain = unicodedata.normalize("NFKC", query).lower()  # before the limit: NFKC may add words
    spaced = re.sub(SEPARATORS, " ", re.sub(THOUSANDS, "", plain))
    return list(dict.fromkeys(spaced.split()))[:WORDS]


def fold(word: str) -> str:
    """Removes accents: Zoë becomes Zoe. Letters without an accent, such as ø and ß, stay."""
    return re.sub(ACCENTS, "", unicodedata.normalize("NFKD", word))


def sql_spaced(text: str) -> str:
    """The same in SQL. The statement needs `PATTERNS` as parameters."""
    without_thousands = f"regexp_replace({text}, %(thousands)s, '', 'g')"
    return f"regexp_replace({without_thousands}, %(separators)s, ' ', 'g')"


def sql_folded(text: str) -> str:
    """Skips text that is pure ASCII, which is cheap to detect."""
    folded = f"regexp_replace(normalize({text}, NFKD), %(accents)s, '', 'g')"
    return f"CASE WHEN octet_length({text}) = length({text}) THEN {text} ELSE {folded} END"
