from collections.abc import Iterator
from io import BytesIO
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from memory.services import written_by
from memory.transfer.exporting import export_tenant
from memory.transfer.importing import Imported, import_tenant
from memory.transfer.lines import Bounded, Gunzipped, Readable
from tenants.actor import Actor, actor_of
from tenants.fields import TruthField
from tenants.permissions import IsTenantAdmin
from tenants.principal import Principal
from tenants.renderers import StreamRenderer
from tenants.views import TenantAPIView
from tenants.watching import ending_early

NDJSON = "application/x-ndjson"


class NDJSONRenderer(StreamRenderer):
    media_type = NDJSON
    format = "ndjson"


class NDJSONParser(BaseParser):
    """Hands over the body unread: it is streamed."""

    media_type = NDJSON

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class ExportView(TenantAPIView):
    """Everything of the tenant but its secrets, as NDJSON, streamed."""

    access: ClassVar = {"GET": [IsTenantAdmin]}
    renderer_classes = (*TenantAPIView.renderer_classes, NDJSONRenderer)

    @extend_schema(responses={(200, NDJSON): OpenApiTypes.BINARY})
    def get(self, request: Request) -> StreamingHttpResponse:
        return export_response(self.principal, actor_of(request))


def export_response(principal: Principal, actor: Actor) -> StreamingHttpResponse:
    """An export as a file to download, of the API and of the Studio."""
    chunks = export_tenant(tenant_id=principal.tenant_id, actor=actor)
    first = next(chunks)  # so that what refuses an export is an error answer, not a broken stream
    response = StreamingHttpResponse(resumed(first, chunks), content_type=NDJSON)
    response._resource_closers.append(chunks.close)  # type: ignore[attr-defined] # also where a client leaves before the second chunk
    name = slugify(principal.tenant_name)[:50] or "workspace"
    response["Content-Disposition"] = f'attachment; filename="memgraph-{name}-{timezone.now():%Y-%m-%d}.ndjson"'
    return response


def resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from ending_early(rest)


class ImportOptionsSerializer(serializers.Serializer[Any]):
    dry_run = TruthField(default=False)
    on_conflict = serializers.ChoiceField(choices=["skip", "fail"], default="skip")


class ImportedSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    created = serializers.DictField(child=serializers.IntegerField())
    skipped = serializers.DictField(child=serializers.IntegerField())


class ImportView(TenantAPIView):
    """Puts an export back, all of it or nothing."""

    access: ClassVar = {"POST": [IsTenantAdmin]}
    parser_classes = (NDJSONParser,)

    @extend_schema(
        parameters=[ImportOptionsSerializer], request={NDJSON: OpenApiTypes.BINARY}, responses=ImportedSerializer
    )
    def post(self, request: Request) -> Response:
        options = ImportOptionsSerializer(data=request.query_params.dict())
        options.is_valid(raise_exception=True)
        imported = import_stream(self.principal, unpacked(request), actor_of(request), **options.validated_data)
        answer = {
            "dry_run": options.validated_data["dry_run"],
            "created": imported.created,
            "skipped": imported.skipped,
        }
        return Response(ImportedSerializer(answer).data)


def import_stream(principal: Principal, stream: Readable, actor: Actor, **options: Any) -> Imported:
    """An import over HTTP, of the API and of the Studio: the same bound for both."""
    return import_tenant(
        tenant_id=principal.tenant_id,
        authors=written_by(principal),
        stream=stream,
        most=settings.IMPORT_MAX_BYTES,
        actor=actor,
        **options,
    )


def unpacked(request: Request) -> Readable:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower()
    body = cast("Readable", request.data or BytesIO())  # DRF hands over an empty body as an empty dict
    if encoding == "gzip":
        return Gunzipped(Bounded(body, settings.IMPORT_MAX_BYTES))
    if encoding != "identity":
        raise UnsupportedMediaType(encoding, "Content-Encoding may be gzip or left out.")
    return body
