"""A person at a browser without a script: keeps cookies, and fills in the forms that it was shown."""

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from studio import cookies
from tests.factories import make_token

HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def browser(user: User | None = None, **fields: Any) -> Client:
    """CSRF tokens are checked, as they are in the real thing."""
    client = Client(enforce_csrf_checks=True, **fields)
    if user is not None:
        client.cookies[cookies.NAME] = make_token(user)
    return client


def main_form(page: HttpResponse) -> dict[str, str]:
    """What the form in the page's content sends along by itself; the one to sign out stands before."""
    content = page.content.decode().partition('<main id="content"')[2]
    return {name: unescape(value) for name, value in HIDDEN.findall(content)}


def submit(client: Client, path: str, follow: bool = False, **typed: Any) -> HttpResponse:
    """Opens a page with a form, fills it in and sends it."""
    page = client.get(path)
    assert page.status_code == 200, page.content.decode()
    return client.post(path, {**main_form(page), **typed}, follow=follow)
