"""The forms that write: those of the Studio, and those of the operators' admin."""

import json
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin
from django.utils import timezone

from accounts.models import Invitation, Session, User
from apikeys.models import APIKey
from tenants.models import Role, Tenant
from tests.accounts.people import NEW_PASSWORD
from tests.attack.authority.actions import LONG_AGO, Act, a_file, a_key_that_wrote, freeze
from tests.attack.authority.calls import Call, file_call, form_call
from tests.attack.authority.cast import OF_OPERATOR, OF_PAGE, Cast
from tests.attack.authority.revocations import Refusals
from tests.factories import PASSWORD, make_belief, make_event, make_invitation, make_key, make_session, make_user
from tests.operators import list_url
from tests.routes import PUBLIC, VIEWER
from tests.studio.pages import PAGES

Fields = dict[str, Any]
# What is typed into each form, and what the page's address names; `None`: nothing.
Typed = Callable[[Cast], tuple[Any, Fields]]


def typed(**fields: Any) -> Typed:
    return lambda cast: (None, fields)


def at_key(**fields: Any) -> Typed:
    return lambda cast: (make_key(cast.tenant, name="a key")[0], fields)


def at_person(**fields: Any) -> Typed:
    def of(cast: Cast) -> tuple[User, Fields]:
        person = make_user(cast.tenant, Role.EDITOR)
        return person, fields or {"confirm": person.email}

    return of


def at_belief(**fields: Any) -> Typed:
    def of(cast: Cast) -> tuple[Any, Fields]:
        belief = make_belief(cast.tenant)
        return belief, {"seen": belief.updated_at.isoformat(), **fields}

    return of


def erased(cast: Cast) -> tuple[Any, Fields]:
    make_event(cast.tenant)
    return None, {"confirm": "ada"}


def as_shown(**current: Any) -> Fields:
    """What a form that shows settings starts with, and sends along."""
    empty = {
        name: "" for name, value in current.items() if name != "name" and value is not False
    }  # that was not ticked
    return {"seen": json.dumps(current), **empty}


KEY_SEEN: Final = as_shown(name="a key", allowed_ips=[], rate_limit_per_minute=None)
SETTINGS_SEEN: Final = as_shown(
    name="Acme",
    sector="",
    require_key_expiry=False,
    max_key_lifetime_days=None,
    rate_limit_per_minute=None,
    event_retention_days=None,
)
FORMS: Final[dict[str, Typed]] = {
    "logout": typed(),
    "keys-new": typed(name="made meanwhile", role=Role.ADMIN, lifetime="30"),
    "keys-edit": at_key(**KEY_SEEN, name="renamed"),
    "keys-rotate": at_key(grace_seconds="0"),
    "keys-revoke": at_key(confirm="a key"),
    "keys-undo": lambda cast: (a_key_that_wrote(cast), {"since": LONG_AGO, "confirmed": "true", "act": "1"}),
    "members-invite": typed(email="new@acme.example", role=Role.ADMIN),
    "members-member": at_person(role=Role.ADMIN),
    "members-reset": at_person(nothing=""),
    "members-remove": at_person(),
    "members-invitation-revoke": lambda cast: (make_invitation(cast.tenant), {}),
    "settings": typed(**SETTINGS_SEEN, name="Renamed"),
    "settings-freeze": typed(to="frozen"),
    "settings-delete": typed(confirm="Acme", password=PASSWORD),
    "settings-import": typed(),
    "account": typed(full_name="Another Name"),
    "account-password": typed(current_password=PASSWORD, new_password=f"{NEW_PASSWORD} two"),
    "account-sessions": lambda cast: (None, {"session": str(cast.elsewhere.id)}),
    "beliefs-edit": at_belief(value="Paris", confidence="0.5", belief_type="fact", domain=""),
    "beliefs-forget": at_belief(confirm="city", soft="false"),
    "users-erase": erased,
}
DOWNLOADS: Final = ("audit-csv", "settings-export-file")  # which are audited
WRITING_PAGES: Final = [name for name, page in PAGES.items() if "POST" in page.methods and page.who != PUBLIC]


# Two of them lead on in any case, and say what became of them there; two ask for a password that may be another by now.
ALSO: Final[dict[str, Refusals]] = {
    "logout": frozenset({(302, "")}),
    "account-sessions": frozenset({(302, "")}),
    "account-password": frozenset({(422, "")}),
    "settings-delete": frozenset({(422, "")}),
}


def page_act(name: str) -> Act:
    who = VIEWER if name == "logout" else PAGES[name].who
    also = ALSO.get(name, frozenset())
    return Act(f"page {name}", lambda cast, kind: form_of(name, cast, kind), (OF_PAGE,), who, also)


def form_of(name: str, cast: Cast, kind: str) -> Call:
    thing, fields = FORMS[name](cast)
    path = PAGES[name].path.replace("{id}", str(getattr(thing, "id", "")))
    if name == "settings-import":
        return file_call(path, cast.credential(kind), a_file())
    return form_call(path, cast.credential(kind), **fields)


def download_act(name: str) -> Act:
    """Where the session has ended, it leads to the sign-in, as every page does that is only looked at."""
    page, to_sign_in = PAGES[name], frozenset({(302, "")})

    def call(cast: Cast, kind: str) -> Call:
        return Call("GET", page.path, cast.credential(kind))

    return Act(f"page {name}", call, (OF_PAGE,), page.who, to_sign_in)


PAGE_ACTS: Final = [*map(page_act, ["logout", *WRITING_PAGES]), *map(download_act, DOWNLOADS)]

# The operators' admin: each action of each list, and the one form that makes something.
Thing = Callable[[Cast], Any]


def frozen(cast: Cast) -> Tenant:
    freeze(cast.tenant)
    return cast.tenant


def suspended(cast: Cast) -> Tenant:
    Tenant.objects.filter(id=cast.tenant.id).update(suspended_at=timezone.now())
    return cast.tenant


OPERATIONS: Final[dict[tuple[type[Any], str], Thing]] = {
    (Tenant, "suspend"): lambda cast: cast.tenant,
    (Tenant, "reactivate"): suspended,
    (Tenant, "freeze"): lambda cast: cast.tenant,
    (Tenant, "unfreeze"): frozen,
    (Tenant, "cap"): lambda cast: cast.tenant,
    (User, "deactivate"): lambda cast: cast.victim,
    (User, "reactivate"): lambda cast: make_user(cast.tenant, is_active=False),
    (Session, "end"): lambda cast: make_session(cast.victim),
    (Invitation, "revoke"): lambda cast: make_invitation(cast.tenant),
    (APIKey, "revoke"): lambda cast: make_key(cast.tenant)[0],
}


def operation_act(model: type[Any], action: str) -> Act:
    def call(cast: Cast, kind: str) -> Call:
        thing = OPERATIONS[model, action](cast)
        fields = {"action": action, "_selected_action": str(thing.pk), "confirmed": "Yes", "cap": "600"}
        return form_call(list_url(model), cast.credential(kind), **fields)

    return Act(f"admin {action} {model._meta.model_name}", call, (OF_OPERATOR,))


def new_key(cast: Cast, kind: str) -> Call:
    fields = {"tenant": str(cast.tenant.id), "name": "an operator's", "role": Role.ADMIN, "expires_at_0": ""}
    return form_call(f"{list_url(APIKey)}add/", cast.credential(kind), expires_at_1="", **fields)


def operations_of_the_admin() -> set[tuple[type[Any], str]]:
    return {(model, str(action)) for model, of in admin.site._registry.items() for action in of.actions}


ADMIN_ACTS: Final = [
    *(operation_act(*operation) for operation in OPERATIONS),
    Act("admin add apikey", new_key, (OF_OPERATOR,)),
]
