from typing import Final
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from tenants.audit.log import start_chain
from tenants.models import Role, Tenant
from tenants.network import FORWARDING_HEADERS
from tenants.principal import Kind, Principal

DEVELOPMENT_TENANT_ID: Final = UUID("00000000-0000-7000-8000-000000000000")


class DevelopmentAnonymous(BaseAuthentication):
    """Development mode only: a request without a credential acts as an admin of the tenant `development`.

    Not if it comes through a proxy or from another site's page: this is meant for the developer's own machine.
    """

    def authenticate(self, request: Request) -> tuple[Principal, Principal] | None:
        if any(header in request.META for header in FORWARDING_HEADERS):
            return None
        if request.META.get("HTTP_SEC_FETCH_SITE") == "cross-site":
            return None
        tenant, made = Tenant.objects.get_or_create(id=DEVELOPMENT_TENANT_ID, defaults={"name": "development"})
        if made:
            start_chain(tenant.id)
        principal = Principal(
            kind=Kind.ANONYMOUS,
            id=tenant.id,
            tenant_id=tenant.id,
            tenant_name=tenant.name,
            role=Role.ADMIN,
            label="anonymous",
        )
        return principal, principal
