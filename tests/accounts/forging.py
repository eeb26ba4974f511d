"""Tokens made by hand: libraries refuse to make most of what is tried here."""

import base64
import hmac
import json
import time
from typing import Any

from accounts.models import Session
from accounts.tokens import key_ring
from tests.factories import anonymous_client

INVALID, EXPIRED, ENDED = "token_invalid", "token_expired", "session_ended"
NOW = int(time.time())
CHALLENGE = 'Bearer realm="memgraph"'


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def good_claims(session: Session) -> dict[str, Any]:
    return {
        "sub": str(session.user_id),
        "tenant_id": str(session.tenant_id),
        "jti": str(session.id),
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "iss": "memgraph",
        "aud": "memgraph",
        "token_type": "access",
    }


def sign(payload: Any, header: Any = None, *, secret: str | None = None, digest: str = "sha256") -> str:
    header = {"alg": "HS256", "typ": "JWT", "kid": key_ring().kid} if header is None else header
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = ".".join(map(base64url, parts))
    key = secret or key_ring().keys[key_ring().kid]
    return f"{signed}.{base64url(hmac.digest(key.encode(), signed.encode(), digest))}"


def ask(token: str, **headers: str) -> Any:
    return anonymous_client(HTTP_AUTHORIZATION=f"Bearer {token}", **headers).get("/v1/auth/whoami")


def assert_refused(response: Any, code: str = INVALID) -> None:
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response["WWW-Authenticate"] == f'{CHALLENGE}, error="invalid_token"'
    assert response["Content-Type"] == "application/problem+json"


def changed(original: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`...` leaves a member out."""
    return {name: value for name, value in (original | changes).items() if value is not ...}
