"""Every page of the Studio and who may open it: the one table that the pages' cross-cutting tests walk.

A page that the resolver knows and this table doesn't fails `test_access.py`: nothing is forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver

from tenants.models import Tenant
from tests.factories import make_belief, make_episode, make_event, make_invitation, make_key, make_user
from tests.routes import ADMIN, EDITOR, PUBLIC, VIEWER


@dataclass(frozen=True)
class Page:
    path: str
    who: str
    methods: tuple[str, ...] = ("GET",)
    of: Callable[[Tenant], Any] | None = None  # makes what {id} stands for
    is_file: bool = False  # streamed to be kept, and no page

    def path_for(self, tenant: Tenant) -> str:
        return self.path.replace("{id}", str(self.of(tenant).id)) if self.of else self.path


def a_key(tenant: Tenant) -> Any:
    return make_key(tenant)[0]


FORM = ("GET", "POST")
PAGES: dict[str, Page] = {
    "login": Page("/studio/login", PUBLIC, FORM),
    "logout": Page("/studio/logout", PUBLIC, ("POST",)),
    "signup": Page("/studio/signup", PUBLIC, FORM),
    "forgot": Page("/studio/forgot", PUBLIC, FORM),
    "reset": Page("/studio/reset", PUBLIC, FORM),
    "invitation": Page("/studio/invitation", PUBLIC, FORM),
    "overview": Page("/studio/", VIEWER),
    "overview-steps": Page("/studio/steps", VIEWER),
    "keys": Page("/studio/keys", ADMIN),
    "keys-new": Page("/studio/keys/new", ADMIN, FORM),
    "keys-key": Page("/studio/keys/{id}", ADMIN, of=a_key),
    "keys-use": Page("/studio/keys/{id}/use", ADMIN, of=a_key),
    "keys-edit": Page("/studio/keys/{id}/edit", ADMIN, FORM, of=a_key),
    "keys-rotate": Page("/studio/keys/{id}/rotate", ADMIN, FORM, of=a_key),
    "keys-revoke": Page("/studio/keys/{id}/revoke", ADMIN, FORM, of=a_key),
    "keys-undo": Page("/studio/keys/{id}/undo", ADMIN, FORM, of=a_key),
    "members": Page("/studio/members", ADMIN),
    "members-invite": Page("/studio/members/invite", ADMIN, FORM),
    "members-member": Page("/studio/members/{id}", ADMIN, FORM, of=make_user),
    "members-reset": Page("/studio/members/{id}/reset", ADMIN, FORM, of=make_user),
    "members-remove": Page("/studio/members/{id}/remove", ADMIN, FORM, of=make_user),
    "members-invitation-revoke": Page("/studio/invitations/{id}/revoke", ADMIN, FORM, of=make_invitation),
    "audit": Page("/studio/audit", ADMIN),
    "audit-csv": Page("/studio/audit.csv", ADMIN, is_file=True),
    "settings": Page("/studio/settings", ADMIN, FORM),
    "settings-freeze": Page("/studio/settings/freeze", ADMIN, FORM),
    "settings-delete": Page("/studio/settings/delete", ADMIN, FORM),
    "settings-import": Page("/studio/settings/import", ADMIN, FORM),
    "settings-export": Page("/studio/settings/export", ADMIN),
    "settings-export-file": Page("/studio/settings/export/file", ADMIN, is_file=True),
    "settings-transfer": Page("/studio/settings/transfer", ADMIN),
    "account": Page("/studio/account", VIEWER, FORM),
    "account-password": Page("/studio/account/password", VIEWER, FORM),
    "account-sessions": Page("/studio/account/sessions", VIEWER, ("POST",)),
    "search": Page("/studio/search?query=londn+city", VIEWER),
    "events": Page("/studio/events", VIEWER),
    "events-event": Page("/studio/events/{id}", VIEWER, of=make_event),
    "beliefs": Page("/studio/beliefs", VIEWER),
    "beliefs-belief": Page("/studio/beliefs/{id}", VIEWER, of=make_belief),
    "beliefs-edit": Page("/studio/beliefs/{id}/edit", EDITOR, FORM, of=make_belief),
    "beliefs-forget": Page("/studio/beliefs/{id}/forget", EDITOR, FORM, of=make_belief),
    "episodes": Page("/studio/episodes", VIEWER),
    "episodes-episode": Page("/studio/episodes/{id}", VIEWER, of=make_episode),
    "users": Page("/studio/users", VIEWER),
    "users-user": Page("/studio/user?id=ada", VIEWER),
    "users-erase": Page("/studio/user/erase?id=ada", ADMIN, FORM),
}
PROTECTED = {name: page for name, page in PAGES.items() if page.who != PUBLIC}


def pages_of_the_resolver() -> list[str]:
    (studio,) = (pattern for pattern in get_resolver().url_patterns if getattr(pattern, "namespace", "") == "studio")
    return [pattern.name for pattern in studio.url_patterns]
