"""Every form, sent twice as it was shown, has its effect once: what is there is counted before, between and after."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.invitations import invite
from accounts.mail import BACKGROUND
from accounts.models import Invitation, ResetToken, Session, User
from accounts.passwords import make_reset_link
from apikeys.models import APIKey
from memory.models import Belief, Event
from memory.transactions import tenant_transaction
from tenants.actor import command_line_actor
from tenants.models import AuditEntry, Role, Tenant
from tests.factories import PASSWORD, make_event, make_user
from tests.memory.transfers import EVENT, make_file
from tests.studio.browsing import browser, main_form
from tests.studio.pages import PAGES
from tests.studio.test_sign_in import SIGN_UP

pytestmark = pytest.mark.django_db(transaction=True)
Typed = Callable[[str, Tenant], dict[str, Any]]
SETTINGS = ("sector", "max_key_lifetime_days", "rate_limit_per_minute", "event_retention_days")
NEW_PASSWORD = "nine purple lanterns"


def member_at(path: str) -> User:
    return User.objects.get(id=path.split("/")[3])


def link_token(link: str) -> str:
    return link.partition("#")[2]


def invited(tenant: Tenant) -> str:
    made = invite(tenant_id=tenant.id, email="new@acme.example", role=Role.VIEWER, actor=command_line_actor())
    return link_token(made.link)


def forgotten(tenant: Tenant) -> str:
    return link_token(make_reset_link(user=make_user(tenant), actor=command_line_actor()).link)


FORMS: dict[str, Typed] = {
    "login": lambda _, __: {"email": "boss@acme.example", "password": PASSWORD},
    "logout": lambda _, __: {},
    "signup": lambda _, __: dict(SIGN_UP),
    "forgot": lambda _, __: {"email": "boss@acme.example"},
    "reset": lambda _, tenant: {"token": forgotten(tenant), "new_password": NEW_PASSWORD},
    "invitation": lambda _, tenant: {"token": invited(tenant), "password": NEW_PASSWORD, "full_name": "New"},
    "keys-new": lambda _, __: {"name": "agent", "role": "editor", "lifetime": "90"},
    "keys-edit": lambda _, __: {"name": "renamed", "allowed_ips": "", "rate_limit_per_minute": ""},
    "keys-rotate": lambda _, __: {"grace_seconds": "3600"},
    "keys-revoke": lambda path, _: {"confirm": APIKey.objects.get(id=path.split("/")[3]).name},
    "keys-undo": lambda _, __: {"since": f"{timezone.now():%Y-%m-%dT%H:%M}", "confirmed": "true", "act": "true"},
    "members-invite": lambda _, __: {"email": "guest@acme.example", "role": "viewer"},
    "members-member": lambda _, __: {"role": "viewer", "is_active": "false"},
    "members-reset": lambda _, __: {},
    "members-remove": lambda path, _: {"confirm": member_at(path).email},
    "members-invitation-revoke": lambda _, __: {},
    "settings": lambda _, __: {"name": "Acme & Sons", **dict.fromkeys(SETTINGS, "")},
    "settings-freeze": lambda _, __: {"to": "frozen"},
    "settings-delete": lambda _, tenant: {"confirm": tenant.name, "password": PASSWORD},
    "settings-import": lambda _, __: {"file": SimpleUploadedFile("export.ndjson", make_file(EVENT))},
    "account": lambda _, __: {"full_name": "Renamed"},
    "account-password": lambda _, __: {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    "account-sessions": lambda _, __: {},
    "beliefs-edit": lambda _, __: {"value": "Oslo", "confidence": "0.9", "belief_type": "fact", "domain": ""},
    "beliefs-forget": lambda _, __: {"confirm": "city"},
    "users-erase": lambda _, __: {"confirm": "ada"},
}
PAGE_OF = {"logout": "/studio/", "account-sessions": "/studio/account"}  # where the form of another address stands


def there_is(tenant: Tenant) -> list[int]:
    BACKGROUND.submit(lambda: None).result()  # mails are made there, one after the other
    models = (AuditEntry, APIKey, User, Invitation, Session, ResetToken, Tenant)
    with tenant_transaction(tenant.id):
        return [*(model._default_manager.count() for model in models), Belief.objects.count(), Event.objects.count()]


def test_no_form_is_forgotten() -> None:
    assert set(FORMS) == {name for name, page in PAGES.items() if "POST" in page.methods}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_sent_twice_has_one_effect(name: str, acme: Tenant, settings: Settings) -> None:
    settings.EMAIL_CONFIGURED = True
    boss = make_user(acme, email="boss@acme.example", password=PASSWORD)
    make_event(acme)
    path = PAGES[name].path_for(acme)
    client = browser(None if PAGES[name].who == "public" and name != "logout" else boss)
    form = client.get(PAGE_OF.get(name, path))
    assert form.status_code == 200
    typed = all_hidden(form) | FORMS[name](path, acme)
    before = there_is(acme)
    first = send(client, path, typed)
    assert first.status_code in (200, 302), first.content.decode()
    between = there_is(acme)
    assert between != before
    send(client, path, typed)
    assert there_is(acme) == between


def all_hidden(page: HttpResponse) -> dict[str, str]:
    """Also of the form to sign out, which stands outside the page's content."""
    token = page.content.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    return {"csrfmiddlewaretoken": token} | main_form(page)


def send(client: Client, path: str, typed: dict[str, Any]) -> HttpResponse:
    if "file" in typed:
        typed["file"].seek(0)
    return client.post(path, typed)
