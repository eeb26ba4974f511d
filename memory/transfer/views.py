from io import BytesIO
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from memory.transfer.lines import Bounded, Gunzipped, Readable
from memory.transfer.over_http import NDJSON, export_response, import_stream
from tenants.actor import actor_of
from tenants.fields import TruthField
from tenants.permissions import IsTenantAdmin
from tenants.renderers import StreamRenderer
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import TenantAPIView


class NDJSONRenderer(StreamRenderer):
    media_type = NDJSON
    format = "ndjson"


class NDJSONParser(BaseParser):
    """Returns the stream, so that the view can read it piece by piece."""

    media_type = NDJSON

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class ExportView(TenantAPIView):
    """Streams the tenant's memory and its list of people, as NDJSON."""

    access: ClassVar = {"GET": [IsTenantAdmin]}
    renderer_classes = (*TenantAPIView.renderer_classes, NDJSONRenderer)

    @extend_schema(responses={(200, NDJSON): OpenApiTypes.BINARY})
    def get(self, request: Request) -> StreamingHttpResponse:
        return export_response(self.principal, actor_of(request))


class ImportOptionsSerializer(serializers.Serializer[Any]):
    dry_run = TruthField(default=False)
    on_conflict = serializers.ChoiceField(choices=["skip", "fail"], default="skip")


class ImportedSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField()
    created = serializers.DictField(child=serializers.IntegerField())
    skipped = serializers.DictField(child=serializers.IntegerField())


class ImportView(TenantAPIView):
    """Imports an export, all of it or nothing."""

    access: ClassVar = {"POST": [IsTenantAdmin]}
    parser_classes = (NDJSONParser,)
    encodings = ("gzip", "identity")

    @extend_schema(
        parameters=[ImportOptionsSerializer], request={NDJSON: OpenApiTypes.BINARY}, responses=ImportedSerializer
    )
    def post(self, request: Request) -> Response:
        options = checked(ImportOptionsSerializer, request.query_params.dict())
        imported = import_stream(self.principal, unpacked(request), actor_of(request), **options)
        answer = {
            "dry_run": options["dry_run"],
            "created": imported.created,
            "skipped": imported.skipped,
        }
        return Response(ImportedSerializer(answer).data)


def unpacked(request: Request) -> Readable:
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower()
    body = cast("Readable", request.data or BytesIO())  # DRF turns an empty body into an empty dict
    return Gunzipped(Bounded(body, settings.IMPORT_MAX_BYTES)) if encoding == "gzip" else body
