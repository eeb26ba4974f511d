from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, cast

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from tenants.actor import actor_of
from tenants.ids import parse_id
from tenants.limits.quotas import count_request, quota_headers, refuse_excess
from tenants.models import Role, Tenant
from tenants.permissions import IsTenantAdmin, IsTenantViewer, IsUserSession, demanded_role
from tenants.principal import ENDS_SOON, Kind, Principal, principal_of
from tenants.problems import UnsupportedEncoding
from tenants.responses import Response
from tenants.serializers import FreezeSerializer, TenantChangesSerializer, TenantSerializer, checked
from tenants.services import audit_mismatch, change_tenant, freeze_keys, unfreeze_keys

MISMATCH: Final = "The tenant_id that was sent is not the tenant of this credential. Leave it out."


class View(APIView):
    """DRF's, without the references from a view to itself, and with parts that all requests share.

    Because of the references, only the garbage collector freed a request's memory. It stopped a worker for up to 10 ms.
    """

    encodings: ClassVar[Sequence[str]] = ("identity",)  # what a body may be packed with

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower()
        if encoding not in self.encodings:
            raise UnsupportedEncoding(self.encodings)

    @property
    def own_class(self) -> Any:
        return type(self)  # Any, because to mypy this class is not hashable

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        parts, context = parts_of(self.own_class), self.get_parser_context(request)
        wrapped = Request(request, parts.parsers, parts.authenticators, parts.negotiator, context)
        wrapped.META, wrapped.method = request.META, request.method  # DRF's `__getattr__` takes 1 us for each use
        return wrapped

    def get_renderers(self) -> list[BaseRenderer]:
        return parts_of(self.own_class).renderers

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {**default_headers(self.own_class, tuple(getattr(self, "action_map", None) or ()))}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if not response.streaming:
            self.request.parser_context.clear()
            vars(self).clear()
        return response


class Parts(NamedTuple):
    """Objects without state, shared by all requests to a view. DRF makes new ones for each request."""

    parsers: list[Any]
    authenticators: list[Any]
    renderers: list[BaseRenderer]
    negotiator: Any


@cache
def parts_of(view: Any) -> Parts:
    return Parts(
        parsers=[parser() for parser in view.parser_classes],
        authenticators=[authenticator() for authenticator in view.authentication_classes],
        renderers=[renderer() for renderer in view.renderer_classes],
        negotiator=view.content_negotiation_class(),
    )


@cache
def default_headers(view: Any, methods: tuple[str, ...]) -> dict[str, str]:
    """The headers that DRF would find out anew for each request: `Allow`, and `Vary` if there are several formats.

    `methods`: those of the route, if the view is a viewset.
    """
    names = [name for name in view.http_method_names if name != "options"]  # which no view here answers
    allowed = [name.upper() for name in names if name in methods or hasattr(view, name)]
    headers = {"Allow": ", ".join(allowed)}
    return headers | {"Vary": "Accept"} if len(view.renderer_classes) > 1 else headers


class PublicView(View):
    """Open to everyone. Ignores credentials, so that a stale one does no harm."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Keeps a refused sign-in a 401. Without an authenticator, DRF would turn it into a 403."""
        return 'Bearer realm="memgraph"'


class Demands(NamedTuple):
    permissions: list[BasePermission]
    role: Role


@cache
def demands_of(view: Any, method: str | None) -> Demands:
    permissions = view.access.get(method, [IsAuthenticated])
    return Demands([permission() for permission in permissions], demanded_role(permissions))


class TenantAPIView(View):
    """A view on one tenant's data. `access` says who may call which method. Refuses calls for another tenant."""

    access: ClassVar[Mapping[str, list[type[BasePermission]]]]
    reads_body_first: ClassVar[bool] = True  # False if a service reads the body while it holds a slot

    def get_permissions(self) -> Sequence[BasePermission]:
        return self.demands.permissions

    @property
    def demands(self) -> Demands:
        """A method that `access` lacks gets 405, but only after authentication."""
        method = "GET" if self.request.method == "HEAD" else self.request.method
        return demands_of(self.own_class, method if method in self.access else None)

    def perform_authentication(self, request: Request) -> None:
        """Counts every request of a key, even if it is not permitted."""
        super().perform_authentication(request)
        principal = principal_of(request)
        if isinstance(principal, Principal):
            if (needs := self.demands.role) is not principal.needs:
                request.user = principal = replace(principal, needs=needs)  # type: ignore[assignment]
            request._request.principal = principal  # type: ignore[attr-defined] # for `actor_of` and the log line
            quotas = count_request(principal)
            self.headers |= quota_headers(quotas) | expiry_header(principal)
            refuse_excess(quotas)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.refuse_other_tenant(request.query_params)
        refuse_contradictions(request.query_params)
        if self.reads_body_first:
            self.read_body()

    def read_body(self) -> Any:
        if isinstance(body := self.request.data, Mapping):
            self.refuse_other_tenant(body)
        return body

    def refuse_other_tenant(self, data: Mapping[str, object]) -> None:
        """The published client sends a tenant_id. It must be the credential's tenant, and never selects another."""
        claims = data.getlist("tenant_id") if isinstance(data, QueryDict) else [data.get("tenant_id")]
        if any(claim not in (None, "") and parse_id(claim) != self.principal.tenant_id for claim in claims):
            audit_mismatch(tenant_id=self.principal.tenant_id, actor=actor_of(self.request))
            raise PermissionDenied(MISMATCH, code="tenant_mismatch")

    @property
    def principal(self) -> Principal:
        """Use it only after a permission has refused requests without a credential."""
        return cast("Principal", principal_of(self.request))


def refuse_contradictions(query: QueryDict) -> None:
    """Raises 422 for a parameter with two different values, rather than guess which one is meant."""
    fault = [ErrorDetail("Send one value for this parameter.", code="repeated")]
    if repeated := {name: fault for name, values in query.lists() if len({*values}) > 1}:
        raise ValidationError(repeated)


def expiry_header(principal: Principal) -> dict[str, str]:
    """Tells a program how many seconds its key has left, in the last 30 days."""
    if principal.kind is not Kind.API_KEY or principal.expires_at is None:
        return {}
    left = principal.expires_at - timezone.now()
    return {"X-Memgraph-Key-Expires-In": str(max(0, int(left.total_seconds())))} if left <= ENDS_SOON else {}


class TenantViewSet(TenantAPIView, GenericViewSet[Any]):
    """A viewset on one resource of a tenant."""

    def page_of(self, items: Any, **more: Any) -> Response:
        """The response with one page, after `paginate_queryset`."""
        cursor: str | None = self.paginator.next_cursor  # type: ignore[union-attr] # only our pagination has it
        return Response({"items": items, "next_cursor": cursor, **more})


class TenantView(TenantAPIView):
    """The caller's tenant: its name, key policy and limits."""

    access: ClassVar = {"GET": [IsTenantViewer], "PATCH": [IsUserSession, IsTenantAdmin]}

    @extend_schema(responses=TenantSerializer)
    def get(self, request: Request) -> Response:
        """The tenant's name, sector, key policy, request limits and retention, and whether its keys are frozen."""
        return Response(TenantSerializer(Tenant.objects.get(id=self.principal.tenant_id)).data)

    @extend_schema(request=TenantChangesSerializer, responses=TenantSerializer)
    def patch(self, request: Request) -> Response:
        """Changes the fields that are sent. A stricter policy revokes no key: see each key's `policy_violations`."""
        wanted = checked(TenantChangesSerializer, request.data, partial=True)
        tenant_id, actor = self.principal.tenant_id, actor_of(request)
        tenant = change_tenant(tenant_id=tenant_id, changes=wanted, actor=actor)
        return Response(TenantSerializer(tenant).data)


class FreezeKeysView(TenantAPIView):
    """Refuses every key of the tenant, with 401 `keys_frozen`, until they are unfrozen. People can still sign in."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=None, responses=FreezeSerializer)
    def post(self, request: Request) -> Response:
        tenant = freeze_keys(tenant_id=self.principal.tenant_id, actor=actor_of(request))
        return Response(FreezeSerializer(tenant).data)


class UnfreezeKeysView(TenantAPIView):
    """Accepts the tenant's keys again."""

    access: ClassVar = {"POST": [IsUserSession, IsTenantAdmin]}

    @extend_schema(request=None, responses=FreezeSerializer)
    def post(self, request: Request) -> Response:
        tenant = unfreeze_keys(tenant_id=self.principal.tenant_id, actor=actor_of(request))
        return Response(FreezeSerializer(tenant).data)
