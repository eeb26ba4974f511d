from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, cast

from django.http import QueryDict
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from tenants.principal import Principal, principal_of

MISMATCH: Final = "The tenant_id that was sent is not the tenant of this credential. Leave it out."


class PublicView(APIView):
    """Open to all. Credentials are not even looked at, so that a stale one spoils nothing here."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Without an authenticator DRF would turn a refused sign-in into a 403."""
        return 'Bearer realm="memgraph"'


class TenantMixin(APIView):
    """A view on one tenant's things: who may call which method, and never for another tenant."""

    access: ClassVar[Mapping[str, list[type[BasePermission]]]]

    def get_permissions(self) -> Sequence[BasePermission]:
        """A method without an entry is answered with 405, after the caller is known."""
        method = "GET" if self.request.method == "HEAD" else self.request.method
        return [permission() for permission in self.access.get(method or "", [IsAuthenticated])]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        request._request.principal = self.principal  # type: ignore[attr-defined] # for the log line
        self.refuse_other_tenant(request.query_params)
        if isinstance(body := request.data, Mapping):
            self.refuse_other_tenant(body)

    def refuse_other_tenant(self, data: Mapping[str, object]) -> None:
        """The published client sends a tenant_id. It may repeat the credential's tenant; it never chooses one."""
        claims = data.getlist("tenant_id") if isinstance(data, QueryDict) else [data.get("tenant_id")]
        if any(claim is not None and str(claim).lower() != str(self.principal.tenant_id) for claim in claims):
            raise PermissionDenied(MISMATCH, code="tenant_mismatch")

    @property
    def principal(self) -> Principal:
        """Only where a permission let somebody in."""
        return cast("Principal", principal_of(self.request))


class TenantAPIView(TenantMixin):
    """One verb on a tenant."""


class TenantViewSet(TenantMixin, GenericViewSet[Any]):
    """One resource of a tenant."""
