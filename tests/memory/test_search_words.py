"""Search finds a text by the parts of its words, and a rare word counts more than a frequent one."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tenants.models import Role, Tenant
from tests.factories import key_client, make_belief, make_tenant
from tests.memory.crowd import remove_crowd
from tests.memory.searching import keys, know, search

TOKENS = {
    "server": "We use node.js on the server",
    "address": "Contact ada@example.com for access",
    "python": "Runs Python 3.11.7",
    "file": "Look at src/memory/search.py first",
    "host": "host is 10.0.0.12",
    "docs": "Docs at https://docs.example.com/guide/start",
    "price": "costs 1,250.50 euros",
    "budget": "has 1,000,000 for it",
    "day": "born on 1987-03-21",
    "degrees": "keeps it at -5 at night",
    "call": "calls retry_policy() twice",
    "quoted": "says “alfresco”—often",
    "friend": "met Zoë Müller",
    "decomposed": "ate a cre\u0300pe",
    "wide": "the label \uff30\uff52\uff4f",
    "capital": "ÉCOLE NORMALE",
    "hindi": "कहा नमस्ते",
    "korean": "한국어 수업",
    "persian": "نمی\u200cروم",
    "celebrated": "party🎉time",
}
PARTS = [
    "node of the tree",
    "js libraries",
    "ada lovelace",
    "example of a com object",
    "3 of a kind",
    "11 in the morning",
    "7 seas",
    "src of memory",
    "search py",
    "10 or 12",
    "guide dogs",
    "start at docs",
    "1250 people",
    "50 people",
    "policy of the house",
    "21 people",
    "3 of 2003",
    "1987 in history",
]


@pytest.fixture(scope="module")
def known(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """A tenant with all these beliefs. They are committed, and written once for all searches."""
    with django_db_blocker.unblock():
        tenant = make_tenant("Known")
        for number, value in enumerate(PARTS):
            make_belief(tenant, subject_id="alice", key=f"part {number}", value=value)
        for key, value in TOKENS.items():
            make_belief(tenant, subject_id="alice", key=key, value=value)
        for number, value in enumerate(PARTS):
            make_belief(tenant, subject_id="alice", key=f"newer part {number}", value=value)
        yield tenant
        remove_crowd()


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("node.js", "server"),
        ("Node.JS?", "server"),
        ("ada@example.com", "address"),
        ("example.com access", "address"),
        ("3.11.7", "python"),
        ("python 3.11", "python"),
        ("search.py first", "file"),
        ("src/memory/search.py", "file"),
        ("10.0.0.12", "host"),
        ("docs guide", "docs"),
        ("docs.example.com", "docs"),
        ("https://docs.example.com/guide/start", "docs"),
        ("1250.50", "price"),
        ("1,250.50", "price"),
        ("1000000", "budget"),
        ("1987-03-21", "day"),
        ("-5 at night", "degrees"),
        ("retry_policy", "call"),
        ("alfresco", "quoted"),
        ("“alfresco”", "quoted"),
        ("Zoe", "friend"),
        ("zoe muller", "friend"),
        ("ZOË", "friend"),
        ("Zoe\u0308", "friend"),
        ("zoé", "friend"),
        ("mullre", "friend"),
        ("crepes", "decomposed"),
        ("crêpe", "decomposed"),
        ("pro", "wide"),
        ("école", "capital"),
        ("ecole", "capital"),
        ("नमस्ते", "hindi"),
        ("한국어", "korean"),
        ("نمی روم", "persian"),
        ("party", "celebrated"),
        ("time 🎉", "celebrated"),
    ],
)
def test_what_has_dots_signs_and_accents_is_found_by_its_parts(query: str, first: str, known: Tenant) -> None:
    assert keys(search(key_client(known), query))[0] == first


@pytest.mark.parametrize(
    ("value", "query"),
    [("東京に住んでいます", "東京"), ("我住在北京", "北京"), ("party 🎉", "🎉"), ("sør", "sor")],
)
def test_does_not_find(value: str, query: str, acme: Tenant) -> None:
    """The documentation tells of these limits."""
    make_belief(acme, subject_id="alice", key="k", value=value)
    assert keys(search(key_client(acme), query)) == []
    assert keys(search(key_client(acme), value)) == ["k"]


def test_of_one_user_the_oldest_belief_is_found_behind_thousands(acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="invoice", value="paid invoice 4411 of the bakery in Zürich, was happy")
    make_belief(acme, subject_id="alice", key="papers", value="The passport lies in the drawer")
    know(acme, {f"k{i}": f"an invoice {i} of a bakery" for i in range(2100)})
    editor = key_client(acme)
    for query in ("invoice 4411", "which bakery in zurich?", "paid", "happiness"):
        found = search(editor, query)
        assert keys(found)[0] == "invoice", query
        assert found["debug"]["cost"]["compared"] == 2102
        assert found["debug"]["cost"]["ranked"] == 1000
        assert found["debug"]["searched"].startswith("the newest 20000 active beliefs of this user, up to 2000000")
    assert keys(search(editor, "which bakery's invoice lies with the passport?"))[0] == "papers"
    assert "invoice" not in keys(search(editor, "zurich", user_id=None))


@pytest.mark.parametrize(("user_id", "compared"), [("alice", 504), (None, 520)])
def test_long_beliefs_cost_no_more_than_many_short_ones(user_id: str | None, compared: int, acme: Tenant) -> None:
    """The letters that a search looks at are bounded, also when the query is misspelled."""
    editor = key_client(acme)
    long = "tea " * 990 + "mugwort"
    beliefs = [{"subject_id": "alice", "key": f"k{number}", "value": f"{number:05}" + long} for number in range(520)]
    for start in range(0, len(beliefs), 40):
        assert editor.post("/v1/beliefs/batch", {"beliefs": beliefs[start : start + 40]}).status_code == 201
    for query in ("mugwort", "mugwrot"):
        debug = search(editor, query, user_id=user_id)["debug"]
        assert (debug["match"], len(debug["scores"])) == ("lexical" if query == "mugwort" else "corrected", 50)
        assert (debug["cost"]["compared"], debug["cost"]["ranked"]) == (compared, 152)
        assert debug["cost"]["milliseconds"] > 0


def test_a_belief_longer_than_the_bounds_is_found(acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="k", value="mugwort " + "x" * 60_000)
    assert keys(search(key_client(acme), "mugwort")) == ["k"]


@pytest.mark.parametrize("others", [60, 300])
def test_a_word_that_few_beliefs_hold_tells_more_than_one_of_many(others: int, acme: Tenant) -> None:
    make_belief(acme, subject_id="alice", key="papers", value="The passport lies in the drawer")
    know(acme, {f"friend {number}": f"Alice met friend number {number}" for number in range(others)})
    found = search(key_client(acme, Role.VIEWER), "Where is Alice's passport?")
    assert keys(found)[0] == "papers"
    assert (found["debug"]["match"], found["debug"]["corrections"]) == ("lexical", {})


def test_a_word_whose_beliefs_come_after_better_hits_is_no_slip(acme: Tenant) -> None:
    know(acme, {f"friend {number}": f"Alice met Bob, friend number {number}" for number in range(201)})
    know(acme, {f"drawer {number}": f"The passport was in drawer {number}" for number in range(202)})
    found = search(key_client(acme, Role.VIEWER), "Where is Alice's and Bob's passport?")
    assert found["debug"]["corrections"] == {}
