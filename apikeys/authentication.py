from typing import Final

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apikeys.ip_allowlist import is_allowed
from apikeys.keys import digest, is_well_formed
from apikeys.queries import KEYS, FoundKey, find_key
from apikeys.services import is_last_use_current, write_last_use
from tenants.actor import actor_of
from tenants.metrics import counted_authentication
from tenants.models import Role
from tenants.network import client_address
from tenants.principal import Kind, Principal
from tenants.refusals import refusal

MALFORMED: Final = "This is not a valid Memgraph API key. It may be truncated, mistyped, or from another service."
REPLACED: Final = "This API key was replaced, and its grace period has ended. Use the new key."


class APIKeyAuthentication(BaseAuthentication):
    """Authenticates a program by the header `X-API-KEY: mg_live_...`."""

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        key = request.META.get("HTTP_X_API_KEY")
        if key is None:
            return None
        with counted_authentication("api_key"):
            principal = self.authenticate_credentials(key, request)
        return principal, principal

    def authenticate_credentials(self, key: str, request: Request) -> Principal:
        if not is_well_formed(key):
            raise AuthenticationFailed(MALFORMED, code="key_malformed")
        hashed = digest(key)
        found = find_key(hashed)
        if found is None:
            raise refusal("key_invalid")
        refuse_ended(found)
        if found.allowed_ips and not is_allowed(client_address(request), found.allowed_ips):
            raise refusal("address_not_allowed")
        if found.tenant_suspended_at is not None:
            raise refusal("tenant_suspended")
        principal = key_principal(found, client_address(request))
        if not is_last_use_current(found):
            write_last_use(found=found, actor=actor_of(request, principal))
            KEYS.forget(hashed)
        return principal

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="memgraph"'


def refuse_ended(found: FoundKey) -> None:
    if found.revoked_at is not None:
        raise refusal("key_revoked")
    if found.expires_at is not None and found.expires_at <= found.now:
        raise AuthenticationFailed(REPLACED, code="key_expired") if found.replaced_by_id else refusal("key_expired")
    if found.tenant_keys_frozen_at is not None:
        raise refusal("keys_frozen")


def key_principal(found: FoundKey, address: str | None) -> Principal:
    return Principal(
        kind=Kind.API_KEY,
        id=found.id,
        tenant_id=found.tenant_id,
        tenant_name=found.tenant_name,
        role=Role(found.role),
        label=found.name,
        key_id=found.id,
        key_name=found.name,
        key_prefix=found.prefix,
        expires_at=found.expires_at,
        rate_limit=found.rate_limit,
        tenant_rate_limit=found.tenant_rate_limit,
        address=address,
    )
