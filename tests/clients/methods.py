"""Which version has which method, and which of them this server answers."""

from collections.abc import Callable, Container
from typing import Any

import pytest

from tests.clients.wheels import IN_EVERY_RUN, PINS, number

FLAVOURS = ("sync", "async")
LAST = "0.8.6"
# Method: first and last version, of the sync and of the async client; None: never.
SERVED: dict[str, tuple[tuple[str, str] | None, tuple[str, str] | None]] = {
    "add": (("0.1.0", LAST), ("0.1.0", LAST)),
    "search": (("0.1.0", LAST), ("0.1.0", LAST)),
    "get_context": (("0.1.0", "0.6.1"), ("0.1.0", "0.6.1")),
    "log_event": (("0.1.0", "0.6.1"), ("0.1.0", "0.6.1")),
    "get_beliefs": (("0.3.0", LAST), ("0.1.0", LAST)),
    "remember": (("0.2.0", LAST), ("0.2.0", LAST)),
    "ping": (("0.3.0", LAST), ("0.3.0", LAST)),
    "belief_history": (("0.6.0", LAST), None),
    "belief_timeline": (("0.6.0", LAST), None),
    "forget": (("0.6.0", LAST), ("0.8.3", LAST)),
    "forget_all": (("0.6.0", LAST), ("0.8.3", LAST)),
    "get_context_graph": (("0.6.0", LAST), ("0.8.3", LAST)),
}
# What answers 404 today, and what to call it with.
UNSERVED: dict[str, list[Any]] = {
    "health": [],
    "contradictions": ["ada"],
    "evaluate": ["tea", "ada"],
    "mcis": ["ada", True],
    "mcis_history": ["ada"],
    "benchmark": ["retrieval_accuracy"],
    "benchmark_scenarios": [],
    "sidecar_pre_flight": ["tea", "ada"],
    "sidecar_post_flight": [[{"role": "user", "content": "I like tea."}], "ada"],
    "sidecar_process": [[{"role": "user", "content": "I like tea."}], "ada"],
    "create_entity": ["person", "Ada", {"title": "countess"}, ["A. Lovelace"]],
    "get_entity": ["an-id"],
    "delete_entity": ["an-id"],
    "list_entities": [],
    "search_entities": ["Ada"],
    "create_relationship": ["an-id", "another-id", "knows"],
    "list_relationships": [],
    "record_decision": ["Refund an order"],
    "get_decision": ["an-id"],
    "explain_decision": ["an-id"],
    "list_decisions": [],
    "record_outcome": ["an-id", "SUCCESS"],
    "delete_decision": ["an-id"],
    "traverse_graph": [["an-id"]],
    "list_contradictions": [],
    "resolve_contradiction": ["an-id"],
    "analytics": [],
}


def has(version: str, flavour: str, method: str) -> bool:
    span = SERVED[method][FLAVOURS.index(flavour)]
    return span is not None and number(span[0]) <= number(version) <= number(span[1])


def versions(wanted: Callable[[str], bool] = lambda _: True, *, often: Container[str] = IN_EVERY_RUN) -> list[Any]:
    """All published ones; those that aren't driven often are for `make soak`."""
    return [
        pytest.param(version, id=version, marks=() if version in often else pytest.mark.soak)
        for version in PINS
        if wanted(version)
    ]


def clients(method: str = "add") -> list[Any]:
    """Every client that has a method."""
    return [
        pytest.param((*version.values, flavour), id=f"{version.id} {flavour}", marks=version.marks)
        for flavour in FLAVOURS
        for version in versions(lambda version: has(version, flavour, method))  # noqa: B023 # used at once
    ]


def drives(method: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("client", clients(method), indirect=True)


every_client = drives("add")
