"""Finds the user's own sentences in a text, word for word.

Free text can't be parsed reliably. In doubt it keeps two sentences as one, or drops a sentence. It never keeps part of
a sentence, or one that somebody else may have said.
"""

import re
from collections.abc import Iterator
from typing import Final

USERS: Final = r"(?:user|human|me)(?: ?\d{1,3})?"
OTHERS: Final = (
    r"(?:ai |chat ?)?(?:assistant|ai|bot|agent|system|gpt|claude|gemini|copilot)(?:[ -]?\d[\w.]{0,4})?(?: said| says)?"
)
ANYBODY: Final = r"[^\W\d_a-zß-ÿ][\w.'-]{0,30}(?: [\w.'-]{1,30}){0,2}"  # a name that begins with a capital
CATEGORY: Final = re.compile(r"\s*\[[\w -]{1,32}\]\s*")  # the client's old command line wrote this before the text
FENCED: Final = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
TAG: Final = re.compile(
    rf"<\|\w{{1,20}}\|>|^[ \t]*<(?:{USERS}|{OTHERS})>|</(?:{USERS}|{OTHERS})>", re.IGNORECASE | re.MULTILINE
)

# A label is a name with a colon, perhaps after a time and between markup; or a name that is alone on its line; or a
# name in brackets. All repetitions are bounded, so that no text takes long.
BEFORE: Final = r"(?:[^\w\n]{0,20}\d[\dTZ:.,/ -]{0,30}(?:[ap]\.?m\.?)?)?[^\w\n]{0,20}"
COLON: Final = r"(?: ?[(\[][^)\]\n]{0,40}[)\]])?[*_`\])>|\"' ]{0,4}[:\uff1a][*_`\])>]{0,4}"
ALONE: Final = r"[ \t*_`\])>|#=-]{0,8}(?:\n|\Z)"


def label_of(names: str) -> str:
    return rf"(?:{BEFORE}(?:{names})(?:{COLON}|{ALONE})|\s{{0,20}}[\[<|]{{1,2}}(?:{names})[\]>|]{{1,2}})\s*"


EMPHASISED: Final = rf"\s{{0,20}}[*_]{{1,3}}(?:{OTHERS})[*_]{{1,3}}|</(?:{USERS}|{OTHERS})>"
USER: Final = re.compile(label_of(USERS), re.IGNORECASE)
OTHER: Final = re.compile(rf"{label_of(OTHERS)}|{EMPHASISED}", re.IGNORECASE)
SOMEBODY: Final = re.compile(rf"{BEFORE}{ANYBODY}{COLON}(?:\s|\Z)")
LABEL_INSIDE: Final = re.compile(rf"\b(?:user|human|{OTHERS})[*_ ]{{0,4}}[:\uff1a]", re.IGNORECASE)

# Lists, quotations, tables, code and JSON have no sentences, or only parts of them.
HEADING: Final = re.compile(r"\s{0,20}#")
MARKUP: Final = re.compile(r"\s*(?:[#>|~={}<\[`]|(?:[-*+\u2022]|\d{1,3}[.)])\s)")
BLANK_LINES: Final = re.compile(r"\n\s*\n")
END: Final = re.compile(
    r"(?<![.!?\u2026])([.!?\u2026]+)[\"'\u2019\u201d\xbb)*_]{0,4}\s+|[\u3002\uff01\uff1f]+[\u300d\u300f\u201d]?\s*"
)
OPENING, CLOSING = "(\u201c\xab\u300c\u300e", ")\u201d\xbb\u300d\u300f"
ABBREVIATIONS: Final = re.compile(
    r"approx|bzw|ca|capt|col|corp|dept|dipl|etc|evtl|fig|fr|gen|ggf|gov|hon|hr|inc|jr|lt|ltd|med|messrs|mme|mrs|nr|op"
    r"|phil|pp|prof|rep|rev|sen|sgt|sr|sra|srta|st|str|univ|usw|vgl|vol|vs"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu(rs?)?|fri|sat|sun",
    re.IGNORECASE,
)


def user_sentences(text: str) -> Iterator[str]:
    """In a conversation with labels, the sentences under the user's label; in any other text, all sentences."""
    text = FENCED.sub("\n\n", "\n".join(text.splitlines()))
    category = None if speaker_is_user(text) is not None else CATEGORY.match(text)
    text = TAG.sub("\n\n\\g<0>\n\n", text[category.end() if category else 0 :])
    labelled = any(speaker_is_user(line) is not None for line in text.split("\n"))
    is_user = True
    for block in blocks_of(text, labelled=labelled):
        if MARKUP.match(block) and speaker_is_user(block) is None:
            continue
        for sentence in split_block(block):
            said_by_user = speaker_is_user(sentence, labelled=labelled)
            is_user = is_user if said_by_user is None else said_by_user
            own = USER.sub("", sentence, count=1) if said_by_user else sentence
            if labelled and LABEL_INSIDE.search(own):
                is_user = False
            if is_user and not MARKUP.match(own):
                yield own


def speaker_is_user(text: str, *, labelled: bool = False) -> bool | None:
    """Whether the text begins with the user's label; None if it begins with no label.

    `labelled`: the text has labels elsewhere, so any name with a colon counts as one.
    """
    if OTHER.match(text):
        return False
    if USER.match(text):
        return True
    return False if labelled and SOMEBODY.match(text) else None


def blocks_of(text: str, *, labelled: bool) -> Iterator[str]:
    """Yields paragraphs without headings. A label begins a new one. Other lines may be parts of a wrapped sentence."""
    for paragraph in BLANK_LINES.split(text):
        block: list[str] = []
        for line in paragraph.split("\n"):
            is_label = speaker_is_user(line, labelled=labelled) is not None
            if is_label or HEADING.match(line):
                yield "\n".join(block)
                block = []
            if is_label or not HEADING.match(line):
                block.append(line)
        yield "\n".join(block)


def split_block(block: str) -> Iterator[str]:
    start = seen = quotes = brackets = 0
    for end in END.finditer(block):
        part = block[seen : end.end()]
        seen = end.end()
        quotes += part.count('"')
        brackets += sum(map(part.count, OPENING)) - sum(map(part.count, CLOSING))
        if quotes % 2 == 0 and brackets <= 0 and ends_sentence(part, end[1], block[seen : seen + 4]):
            yield block[start:seen].strip()
            start = seen
    yield block[start:].strip()


def ends_sentence(part: str, mark: str | None, following: str) -> bool:
    """False before a lower-case letter, and at a dot that may belong to an abbreviation, an initial or an ordinal."""
    if mark is None:  # the full stop of Chinese and Japanese, which has no other meaning
        return True
    following = following.lstrip("\"'(\u201c\u2018*_")[:1]
    if following.islower() or mark[-1] == "\u2026" or mark.endswith(".."):
        return False
    if mark[-1] != ".":
        return True
    if following.isdigit():  # "no. 5"
        return False
    word = part.split()[-1].rpartition(mark)[0].lstrip("\"'(\u201c\u2018*_")
    if word.isdigit():
        return len(word) > 2
    short_name = word[:1].isupper() and len(word) <= 3
    return not (len(word) <= 1 or "." in word or short_name or ABBREVIATIONS.fullmatch(word))
