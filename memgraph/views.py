import logging
from functools import cache
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from memgraph.errors import respond
from tenants.responses import Response
from tenants.views import PublicView

logger = logging.getLogger(__name__)


class ProbeView(PublicView):
    """Probes send any `Accept`, so it is ignored."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:  # noqa: FBT001, FBT002 - DRF's
        renderer = self.get_renderers()[0]
        return renderer, renderer.media_type


class HealthView(ProbeView):
    """Whether the service and its database respond; nothing else about the machine."""

    @extend_schema(
        responses=inline_serializer("Health", {"status": serializers.CharField(), "database": serializers.CharField()})
    )
    def get(self, request: Request) -> Response:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (DatabaseError, InterfaceError):
            logger.warning("The database does not respond.")
            return Response({"status": "unhealthy", "database": "disconnected"}, status=503)
        return Response({"status": "healthy", "database": "connected"})


class LiveView(ProbeView):
    """Whether this process responds, without touching the database."""

    @extend_schema(responses=inline_serializer("Live", {"status": serializers.CharField()}))
    def get(self, request: Request) -> Response:
        return Response({"status": "alive"})


@cache
def openapi_document() -> dict[str, Any]:
    """Built once per process: it takes tens of milliseconds, and the view is public."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


class SchemaView(PublicView):
    """This API, as OpenAPI 3.1."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(openapi_document())


@csrf_exempt  # a POST gets a 405, not an error about a CSRF token
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, summed over all workers, as django-prometheus exports it.

    `middleware.py` counts the requests itself, because django-prometheus labels them by view and not by route, and its
    database backends would replace `postgres/`.
    """
    if request.method not in ("GET", "HEAD"):
        refusal = respond(request, MethodNotAllowed(str(request.method)))
        refusal["Allow"] = "GET, HEAD"
        return refusal
    response: HttpResponse = ExportToDjangoView(request)
    return response
