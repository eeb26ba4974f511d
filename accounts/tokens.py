from datetime import timedelta
from functools import cache
from typing import Any, Final, cast

import jwt
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.tokens import AccessToken, Token

from accounts.models import Session

AUDIENCE: Final = "memgraph"
ISSUER: Final = "memgraph"
ALGORITHM: Final = "HS256"
CLOCKS_APART_SECONDS: Final = 60


class KeyRingBackend(TokenBackend):
    """HS256 with several keys. The first key signs. The header's `kid` selects the key that verifies (RFC 7515, 4.1.4).

    To rotate the signing key without ending sessions, put the new one first and remove the old one later.
    """

    def __init__(self, keys: dict[str, str]) -> None:
        self.keys = keys
        self.kid = next(iter(keys))
        # The clock of the host that issued the token may be ahead. The expiry is checked without leeway afterwards.
        super().__init__(
            ALGORITHM, signing_key=keys[self.kid], audience=AUDIENCE, issuer=ISSUER, leeway=CLOCKS_APART_SECONDS
        )

    def encode(self, payload: dict[str, Any]) -> str:
        claims = {**payload, "aud": AUDIENCE, "iss": ISSUER}
        return jwt.encode(claims, self.keys[self.kid], algorithm=ALGORITHM, headers={"kid": self.kid})

    def get_verifying_key(self, token: Any) -> Any:
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str) or kid not in self.keys:
            raise TokenBackendError("Token is signed with an unknown key")
        return self.keys[kid].encode()


@cache
def key_ring() -> KeyRingBackend:
    return KeyRingBackend(settings.JWT_SIGNING_KEYS)


class SessionToken(AccessToken):
    """The JWT of a session: `sub, tenant_id, jti, iat, exp, iss, aud, token_type=access`. No name or e-mail address."""

    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME

    def get_token_backend(self) -> TokenBackend:
        return key_ring()

    @classmethod
    def for_session(cls, session: Session) -> "SessionToken":
        token = cls()
        token["jti"] = str(session.id)
        token["sub"] = str(session.user_id)
        token["tenant_id"] = str(session.tenant_id)
        token["exp"] = int(session.expires_at.timestamp())
        token.set_iat(at_time=session.created_at)
        return token

    @classmethod
    def parse(cls, text: str) -> "SessionToken":
        """Checks the signature and the claims. Odd claims raise more than `TokenError`: see `read_claims`."""
        return cls(cast("Token", text))
