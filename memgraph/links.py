"""The pages behind the links of invitations and password resets. They hold nothing: the script sends what is typed."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

INVITATION: Final = {
    "title": "You are invited to Memgraph",
    "action": "/v1/auth/invitations/accept",
    "asks_name": True,
    "label": "Choose a password",
    "password_name": "password",
    "button": "Join",
    "done": "Welcome. Your account is made: sign in with your address and this password.",
}
RESET: Final = {
    "title": "Set a new password",
    "action": "/v1/auth/password-reset/confirm",
    "asks_name": False,
    "label": "New password",
    "password_name": "new_password",
    "button": "Set it",
    "done": "Your password is set, and you are signed out everywhere. Sign in with the new one.",
}


@require_safe
def invitation(request: HttpRequest) -> HttpResponse:
    return render(request, "links/link.html", INVITATION)


@require_safe
def reset(request: HttpRequest) -> HttpResponse:
    return render(request, "links/link.html", RESET)
