"""Reasons to refuse a credential, when a request arrives or when it is about to commit."""

from typing import Final

from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied

UNAUTHENTICATED: Final = {
    "key_invalid": "This API key doesn't exist. Keys are shown only once, when they are created. Create a new one.",
    "key_revoked": "This API key was revoked.",
    "key_expired": "This API key has expired.",
    "keys_frozen": "All API keys of this workspace are frozen. An admin can unfreeze them.",
    "token_expired": "This token has expired. Sign in again.",
    "session_ended": "This session was ended. Sign in again.",
}
FORBIDDEN: Final = {
    "address_not_allowed": "This API key may not be used from this IP address.",
    "role_required": "Your role has changed, and no longer allows this.",
    "tenant_suspended": "This workspace is suspended. Ask its operator.",
}


def refusal(code: str) -> APIException:
    """Returns the 401 or 403 for a code, with its sentence."""
    if code in UNAUTHENTICATED:
        return AuthenticationFailed(UNAUTHENTICATED[code], code=code)
    return PermissionDenied(FORBIDDEN[code], code=code)
