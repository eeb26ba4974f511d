"""Every way in which authority is taken away: whose, by which call, and what is right to be answered afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from accounts.models import Session, User
from apikeys.models import APIKey
from tenants.audit.actions import Action
from tenants.models import Role, Tenant
from tests.accounts.people import NEW_PASSWORD
from tests.attack.authority.calls import Call, form_call, json_call, operator_cookie
from tests.attack.authority.cast import OF_KEY, OF_OPERATOR, OF_PAGE, OF_SESSION, Cast
from tests.factories import PASSWORD, make_reset_token
from tests.operators import list_url
from tests.routes import VIEWER

Refusals = frozenset[tuple[int, str]]
PEOPLE: Final = frozenset({OF_SESSION, OF_PAGE})
KEYS: Final = frozenset({OF_KEY})
OPERATORS: Final = frozenset({OF_OPERATOR})
MEMBERS: Final = PEOPLE | KEYS
SIGNED_OUT: Final[Refusals] = frozenset({(401, "session_ended")})
NOT_FOUND: Final = (404, "not_found")
SUSPENDED: Final[Refusals] = frozenset({(403, "tenant_suspended")})
GONE: Final[Refusals] = SIGNED_OUT | SUSPENDED | {(401, "key_invalid"), NOT_FOUND}


@dataclass(frozen=True)
class Revocation:
    call: Callable[[Cast], Call]
    of: frozenset[str]  # kinds of credentials
    refusals: Refusals
    audited: Action | None  # in the tenant's log
    leaves: str = ""  # a role that the victim still has


def by_boss(method: str, path: str, body: Any = None) -> Callable[[Cast], Call]:
    return lambda cast: json_call(method, filled(path, cast), cast.boss_headers, body)


def from_elsewhere(method: str, path: str, body: Any = None) -> Callable[[Cast], Call]:
    return lambda cast: json_call(method, filled(path, cast), cast.elsewhere_headers, body)


def filled(path: str, cast: Cast) -> str:
    return path.format(victim=cast.victim.id, key=cast.key.id, session=cast.session.id)


def by_operator(model: type[Any], action: str, thing: Callable[[Cast], Any]) -> Callable[[Cast], Call]:
    """One in the admin, who confirms."""

    def call(cast: Cast) -> Call:
        cookie, fields = operator_cookie(cast.colleague[1]), {"action": action, "confirmed": "Yes"}
        return form_call(list_url(model), cookie, _selected_action=str(thing(cast).pk), **fields)

    return call


def reset_by_link(cast: Cast) -> Call:
    make_reset_token(cast.victim, "a token of tests")
    body = {"token": "a token of tests", "new_password": NEW_PASSWORD}
    return json_call("POST", "/v1/auth/password-reset/confirm", {}, body)


def tenant_of(cast: Cast) -> Any:
    return cast.tenant


def people(call: Callable[[Cast], Call], audited: Action, refusals: Refusals = SIGNED_OUT, **more: Any) -> Revocation:
    return Revocation(call, PEOPLE, refusals, audited, **more)


def keys(call: Callable[[Cast], Call], audited: Action, *refusal: Any) -> Revocation:
    return Revocation(call, KEYS, frozenset({refusal}), audited)


CHANGED_PASSWORD: Final = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
DELETION: Final = {"confirm": "Acme", "password": PASSWORD}
REVOCATIONS: Final[dict[str, Revocation]] = {
    "key revoked": keys(by_boss("DELETE", "/v1/api-keys/{key}"), Action.KEY_REVOKED, 401, "key_revoked"),
    "keys frozen": keys(by_boss("POST", "/v1/tenant/freeze-keys"), Action.KEYS_FROZEN, 401, "keys_frozen"),
    "leak reported": keys(
        lambda cast: json_call("POST", "/v1/api-keys/report-leak", {}, {"api_key": cast.api_key}),
        Action.KEY_LEAK_REPORTED,
        *(401, "key_revoked"),
    ),
    "rotated without grace": keys(
        by_boss("POST", "/v1/api-keys/{key}/rotate", {"grace_seconds": 0}), Action.KEY_ROTATED, 401, "key_expired"
    ),
    "addresses narrowed": keys(
        by_boss("PATCH", "/v1/api-keys/{key}", {"allowed_ips": ["192.0.2.0/24"]}),
        Action.KEY_CHANGED,
        *(403, "address_not_allowed"),
    ),
    "key revoked by an operator": keys(
        by_operator(APIKey, "revoke", lambda cast: cast.key), Action.KEY_REVOKED, 401, "key_revoked"
    ),
    "signed out": people(
        lambda cast: json_call("POST", "/v1/auth/logout", cast.credential(OF_SESSION), {"scope": "this"}),
        Action.SESSIONS_ENDED,
    ),
    "signed out from elsewhere": people(
        from_elsewhere("POST", "/v1/auth/logout", {"scope": "others"}), Action.SESSIONS_ENDED
    ),
    "signed out everywhere": people(from_elsewhere("POST", "/v1/auth/logout", {"scope": "all"}), Action.SESSIONS_ENDED),
    "session ended": people(from_elsewhere("DELETE", "/v1/auth/sessions/{session}"), Action.SESSIONS_ENDED),
    "password changed": people(from_elsewhere("POST", "/v1/auth/password", CHANGED_PASSWORD), Action.PASSWORD_CHANGED),
    "password reset": people(reset_by_link, Action.PASSWORD_RESET),
    "demoted": people(
        by_boss("PATCH", "/v1/users/{victim}", {"role": Role.VIEWER}),
        Action.USER_CHANGED,
        frozenset({(403, "role_required")}),
        leaves=VIEWER,
    ),
    "deactivated": people(by_boss("PATCH", "/v1/users/{victim}", {"is_active": False}), Action.USER_CHANGED),
    "removed": people(by_boss("DELETE", "/v1/users/{victim}"), Action.USER_REMOVED, SIGNED_OUT | {NOT_FOUND}),
    "session ended by an operator": people(
        by_operator(Session, "end", lambda cast: cast.session), Action.SESSIONS_ENDED
    ),
    "deactivated by an operator": people(
        by_operator(User, "deactivate", lambda cast: cast.victim), Action.USER_CHANGED
    ),
    "tenant suspended": Revocation(
        by_operator(Tenant, "suspend", tenant_of),
        MEMBERS,
        SUSPENDED,
        Action.TENANT_SUSPENDED,
    ),
    "tenant deleted": Revocation(by_boss("DELETE", "/v1/tenant", DELETION), MEMBERS, GONE, None),
    "operator deactivated": Revocation(
        by_operator(User, "deactivate", lambda cast: cast.operator[0]), OPERATORS, frozenset(), None
    ),
    "operator signed out": Revocation(
        lambda cast: form_call("/admin/logout/", operator_cookie(cast.operator[1])), OPERATORS, frozenset(), None
    ),
}
