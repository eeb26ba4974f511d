"""Links with a single-use token, for password resets and invitations."""

import hashlib
import secrets

from django.conf import settings
from rest_framework.exceptions import ErrorDetail, ValidationError


def generate_token() -> str:
    """256 random bits (ASVS 5.0, 11.5.1)."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """Only this SHA-256 is stored. A plain hash is enough for a random token (ASVS 5.0, 6.5.2)."""
    return hashlib.sha256(token.encode()).digest()


def reset_link(token: str) -> str:
    return link("reset", token)


def invitation_link(token: str) -> str:
    return link("invitation", token)


def link(page: str, token: str) -> str:
    """Begins with PUBLIC_URL, because a client can forge the Host header.

    Browsers don't send the fragment, so no server or proxy logs the token.
    """
    return f"{settings.PUBLIC_URL}/studio/{page}#{token}"


def link_invalid() -> ValidationError:
    """The same error for an unknown, used, withdrawn or expired token."""
    sentence = "This link is no longer valid. It has been used, withdrawn or replaced, or it has expired."
    return ValidationError({"token": [ErrorDetail(sentence, code="link_invalid")]})
