from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, cast
from uuid import UUID

from rest_framework.request import Request

from tenants.models import Role

ENDS_SOON: Final = timedelta(days=30)  # from then on, people and the key's own program are warned that it expires


class Kind(StrEnum):
    USER = "user"
    API_KEY = "api_key"
    ANONYMOUS = "anonymous"  # in development mode; otherwise a request without a credential is Nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, whose data they may touch, and what they may do with it: the same for every credential.

    It is `request.user` and `request.auth` in the API, so it implements the attributes of Django's user that DRF uses.
    """

    kind: Kind
    id: UUID
    tenant_id: UUID
    tenant_name: str
    role: Role
    label: str
    user_id: UUID | None = None
    email: str | None = None
    session_id: UUID | None = None
    key_id: UUID | None = None
    key_name: str | None = None
    key_prefix: str | None = None
    expires_at: datetime | None = None
    rate_limit: int | None = None  # requests per minute of this key
    tenant_rate_limit: int | None = None  # requests per minute of all keys of its tenant
    keys_frozen: bool = False  # whether the keys of a person's tenant are frozen
    address: str | None = None  # the IP address that a key is used from
    is_deleting: bool = False  # it is deleting its tenant, which is suspended meanwhile
    needs: Role = Role.VIEWER  # the least role that the route demands: confirmed again at the commit

    is_active = True
    is_anonymous = False
    is_authenticated = True
    is_staff = False
    is_superuser = False

    @property
    def pk(self) -> str:
        return f"{'key' if self.kind is Kind.API_KEY else self.kind}:{self.id}"

    def __str__(self) -> str:
        return self.label


class Nobody:
    """A request without credentials. It has no role, so that permissions deny and never raise."""

    kind = None
    id = None
    pk = None
    role: Literal[None] = None
    tenant_id = None
    is_active = False
    is_anonymous = True
    is_authenticated = False
    is_staff = False
    is_superuser = False

    def __str__(self) -> str:
        return "nobody"


def principal_of(request: Request) -> Principal | Nobody:
    """Django's types take `request.user` for a row of the user table; in the API it never is."""
    return cast("Principal | Nobody", request.user)
