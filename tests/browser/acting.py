"""What people do on the pages, in the words that they see."""

from dataclasses import dataclass
from itertools import count
from uuid import uuid4

import httpx
from playwright.sync_api import Page, expect

from accounts.models import User
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, make_tenant, make_token, make_user

numbers = count()


@dataclass(frozen=True)
class Person:
    """The only one of a workspace."""

    tenant: Tenant
    user: User
    token: str
    password = PASSWORD


def make_person(*, role: str = Role.ADMIN) -> Person:
    """With a password: hashing it takes its time."""
    tenant = make_tenant("Initech")
    user = make_user(tenant, role, email=f"person-{uuid4().hex}@example.com", password=PASSWORD)
    return Person(tenant, user, make_token(user))


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_up(page: Page) -> str:
    """From the first page of all. Returns the key that is shown."""
    page.goto("/")
    page.get_by_role("link", name="Create a workspace").click()
    page.get_by_label("Workspace name").fill("Initech")
    page.get_by_label("Your name").fill("Peter Gibbons")
    page.get_by_label("E-mail address").fill(f"peter-{uuid4().hex}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create workspace").click()
    return shown_key(page)


def make_key(page: Page, name: str) -> str:
    page.goto("/studio/keys/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create key").click()
    return shown_key(page)


def shown_key(page: Page) -> str:
    secret = page.locator("#secret")
    expect(secret).to_be_visible()
    return secret.inner_text()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def refusal_of(server_url: str, api_key: str) -> str:
    """Why the API refuses a key; "" for a key that it takes."""
    answer = httpx.get(f"{server_url}/v1/auth/whoami", headers={"X-API-KEY": api_key})
    return "" if answer.status_code == 200 else str(answer.json()["code"])
