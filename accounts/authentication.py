from functools import lru_cache
from time import time
from typing import Final, NamedTuple
from uuid import UUID

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import ExpiredTokenError

from accounts.queries import FoundSession, find_session
from accounts.sessions import write_last_seen
from accounts.tokens import KeyRingBackend, SessionToken, key_ring
from tenants.actor import actor_of
from tenants.ids import parse_id
from tenants.metrics import counted_authentication
from tenants.models import Role
from tenants.principal import Kind, Principal
from tenants.refusals import refusal

LONGEST_TOKEN: Final = 4096
VERIFIED_TOKENS: Final = 2048  # kept by each worker
REFUSALS: Final = {
    "token_invalid": "This token is not valid here. Sign in again.",
    "key_in_bearer": "This is an API key. Send it in the header X-API-KEY, not as a Bearer token.",
}


class JWTAuthentication(BaseAuthentication):
    """Authenticates a person by the header `Authorization: Bearer <JWT>` (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        token = bearer_token(request)
        if token is None:
            return None
        with counted_authentication("jwt"):
            principal = self.authenticate_credentials(token, request)
        return principal, principal

    def authenticate_credentials(self, token: str, request: Request) -> Principal:
        session_id, user_id, tenant_id, expires = read_claims(key_ring(), token)
        if expires <= time():
            raise refusal("token_expired")
        found = find_session(session_id)
        if found is None or found.ended_at is not None or not found.user_is_active:
            raise refusal("session_ended")
        if not found.user_id == user_id or not found.tenant_id == tenant_id == found.user_tenant_id:
            raise refused("token_invalid")
        now = timezone.now()
        if found.expires_at <= now:
            raise refusal("token_expired")
        if found.tenant_suspended_at is not None:
            raise refusal("tenant_suspended")
        principal = user_principal(found)
        write_last_seen(found=found, now=now, actor=actor_of(request, principal))
        return principal

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750, section 3.1: `error` only where a token was sent."""
        challenge = 'Bearer realm="memgraph"'
        return challenge if bearer_token(request) is None else f'{challenge}, error="invalid_token"'


def bearer_token(request: Request) -> str | None:
    """The token after `Bearer`, whose case doesn't matter. "" if the token is missing, None for any other scheme."""
    scheme, *token = request.META.get("HTTP_AUTHORIZATION", "").split(maxsplit=1) or [""]
    if scheme.lower() != "bearer":
        return None
    return token[0].strip() if token else ""


def refused(code: str) -> AuthenticationFailed:
    return AuthenticationFailed(REFUSALS[code], code="token_invalid")


class Claims(NamedTuple):
    session_id: UUID
    user_id: UUID
    tenant_id: UUID
    expires: int  # seconds since 1970


@lru_cache(VERIFIED_TOKENS)
def read_claims(keys: KeyRingBackend, text: str) -> Claims:
    """Verifies a token. The caller compares the ids with the database, and the expiry with the clock.

    Verifying takes 160 us, so the claims of valid tokens are kept. That grants nothing: each request reads the session.
    """
    if text.startswith("mg_"):
        raise refused("key_in_bearer")
    if len(text) > LONGEST_TOKEN:
        raise refused("token_invalid")
    try:
        token = SessionToken.parse(text)
    except ExpiredTokenError:
        raise refusal("token_expired") from None
    except Exception:
        # Odd claims in a correctly signed token (`exp` as text, or 10^18) make the libraries raise other errors than
        # TokenError, even OSError. Parsing reads neither files nor the database, so no fault of the server is hidden.
        raise refused("token_invalid") from None
    session_id, user_id, tenant_id = (parse_id(token.get(claim)) for claim in ("jti", "sub", "tenant_id"))
    if session_id is None or user_id is None or tenant_id is None:
        raise refused("token_invalid")
    return Claims(session_id, user_id, tenant_id, int(token["exp"]))


def user_principal(found: FoundSession) -> Principal:
    return Principal(
        kind=Kind.USER,
        id=found.user_id,
        tenant_id=found.tenant_id,
        tenant_name=found.tenant_name,
        role=Role(found.role),
        label=found.email,
        user_id=found.user_id,
        email=found.email,
        session_id=found.id,
        expires_at=found.expires_at,
        keys_frozen=found.tenant_keys_frozen_at is not None,
    )
