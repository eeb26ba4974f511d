"""The cookie that holds a user's JWT for the pages. The API accepts the header only, and never reads the cookie."""

from typing import Final

from django.conf import settings
from django.http import HttpResponse

from accounts.services import SignedIn

# __Host- (RFC 6265bis, section 4.1.3.2): set by this host only, over TLS only, for all paths.
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
