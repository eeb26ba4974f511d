"""The cookie that keeps the JWT of a person who uses the pages. The API takes the header only, and never reads it."""

from typing import Final

from django.conf import settings
from django.http import HttpResponse

from accounts.services import SignedIn

# __Host- (RFC 6265bis, section 4.1.3.2): from this host alone, over TLS alone, for all paths.
NAME: Final = "__Host-studio" if settings.HTTPS else "studio"


def keep_token(response: HttpResponse, signed_in: SignedIn) -> None:
    response.set_cookie(
        NAME,
        signed_in.access_token,
        expires=signed_in.session.expires_at,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def drop_token(response: HttpResponse) -> None:
    response.set_cookie(NAME, "", max_age=0, secure=settings.HTTPS, httponly=True, samesite="Lax")
