"""Every writing action of the API, from the table of its routes, and how a person and a program do it.

A new route is in the table by itself, with its body of `tests/routes.py`. If that commits nothing, `test_tables.py`
fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from django.utils import timezone

from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.accounts.people import NEW_PASSWORD
from tests.attack.authority.calls import Call, json_call
from tests.attack.authority.cast import OF_KEY, OF_SESSION, Cast
from tests.attack.authority.revocations import Refusals
from tests.factories import PASSWORD, make_belief, make_episode, make_event, make_invitation, make_key, make_user
from tests.memory.transfers import BELIEF, EPISODE, EVENT, NDJSON, make_file
from tests.routes import ADMIN, PUBLIC, ROUTES, Route

SAFE: Final = ("GET", "HEAD", "OPTIONS")
# These write too: that a tenant's data was taken is in the audit log.
WRITING_GETS: Final = {
    ("export", "GET"): ROUTES["export", "GET"],
    ("audit", "GET"): ROUTES["audit", "GET"],
}
LONG_AGO: Final = "2026-01-01T00:00:00Z"
# What the address names, where that is not the victim's own.
TARGETS: Final[dict[str, Callable[[Cast], Any]]] = {
    "session": lambda cast: cast.elsewhere,
    "user": lambda cast: make_user(cast.tenant, Role.EDITOR),
    "user-reset-link": lambda cast: make_user(cast.tenant, Role.EDITOR),
    "invitation": lambda cast: make_invitation(cast.tenant),
    "api-key": lambda cast: make_key(cast.tenant)[0],
    "rotate-key": lambda cast: make_key(cast.tenant)[0],
    "api-key-undo": lambda cast: a_key_that_wrote(cast),
    "event": lambda cast: make_event(cast.tenant),
    "belief": lambda cast: make_belief(cast.tenant),
    "episode": lambda cast: make_episode(cast.tenant),
}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("logout", "POST"): {"scope": "this"},
    ("password", "POST"): {"current_password": PASSWORD, "new_password": f"{NEW_PASSWORD} two"},
    ("tenant", "DELETE"): {"confirm": "Acme", "password": PASSWORD},
}
HEADERS: Final = {("audit", "GET"): {"Accept": "text/csv"}}
# What else has to be there, for the action to have something to do.
SCENES: Final[dict[tuple[str, str], Callable[[Cast], Any]]] = {
    ("beliefs", "DELETE"): lambda cast: make_belief(cast.tenant),
    ("unfreeze-keys", "POST"): lambda cast: freeze(cast.tenant),
    ("erase", "POST"): lambda cast: make_event(cast.tenant),
    ("context", "POST"): lambda cast: make_belief(cast.tenant, value="tea"),
    ("graph-context", "POST"): lambda cast: make_belief(cast.tenant, value="tea"),
}
# Where the revocation changes what the action asks for, this is right too, and nothing is committed.
ALSO: Final[dict[tuple[str, str], Refusals]] = {
    ("password", "POST"): frozenset({(422, "invalid")}),  # the current one is another by now
    ("tenant", "DELETE"): frozenset({(422, "invalid"), (403, "tenant_suspended")}),  # it has begun with that itself
    ("session", "DELETE"): frozenset({(404, "not_found")}),
}


@dataclass(frozen=True)
class Act:
    """How it is done, with a credential of a kind; `call` also makes what is needed for it."""

    name: str
    call: Callable[[Cast, str], Call]
    credentials: tuple[str, ...]
    who: str = ADMIN  # the role that it needs
    also: Refusals = frozenset()


def act_of(key: tuple[str, str], route: Route) -> Act:
    credentials = (OF_SESSION,) if route.jwt_only else (OF_SESSION, OF_KEY)
    return Act(
        " ".join(key[::-1]), lambda cast, kind: call_of(key, route, cast, kind), credentials, route.who, also_of(key)
    )


def also_of(key: tuple[str, str]) -> Refusals:
    return ALSO.get(key, frozenset())


def call_of(key: tuple[str, str], route: Route, cast: Cast, kind: str) -> Call:
    name, method = key
    path = route.path.replace("{id}", str(TARGETS[name](cast).id)) if "{id}" in route.path else route.path
    if key in SCENES:
        SCENES[key](cast)
    if route.content_type == NDJSON:
        return Call(method, path, {**cast.credential(kind), "Content-Type": NDJSON}, a_file())
    body = BODIES.get(key, route.body)
    return json_call(
        method, path, cast.credential(kind), None if method in SAFE else body or {}, **HEADERS.get(key, {})
    )


def a_file() -> bytes:
    """An import of rows that are nowhere yet."""
    event = {**EVENT, "id": str(uuid4())}
    episode = {**EPISODE, "id": str(uuid4()), "event_ids": [event["id"]]}
    return make_file(event, {**BELIEF, "id": str(uuid4())}, episode)


def a_key_that_wrote(cast: Cast) -> Any:
    key = make_key(cast.tenant)[0]
    event = make_event(cast.tenant)
    with tenant_transaction(cast.tenant.id):
        Event.objects.filter(id=event.id).update(written_by_key=key.id)
    return key


def freeze(tenant: Tenant) -> None:
    Tenant.objects.filter(id=tenant.id).update(keys_frozen_at=timezone.now())


WRITING: Final = {key: route for key, route in ROUTES.items() if key[1] not in SAFE and route.who != PUBLIC}
API_ACTS: Final = [act_of(key, route) for key, route in (WRITING | WRITING_GETS).items()]
