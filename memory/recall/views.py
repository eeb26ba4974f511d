"""Search, and ingest of text."""

from typing import Any, ClassVar, NoReturn

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from memory.events.content import LARGEST_CONTENT
from memory.recall.answers import context, graph_context
from memory.recall.ingest import ingest_text
from memory.recall.ranking import LARGEST_ANSWER
from memory.recall.services import recall
from memory.serializers import NameField, OptionalNameField
from tenants.fields import TextField, refuse_different
from tenants.limits.bodies import LARGE_BODY
from tenants.parsers import FormParser, MultiPartParser
from tenants.permissions import IsTenantEditor, IsTenantViewer
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import TenantAPIView

LONGEST_QUERY = 10_000  # characters
BYTE_ORDER_MARK = "\ufeff"  # some editors write it at the start of a file


class LimitField(serializers.IntegerField):
    """1 to 50. Null means absent."""

    def __init__(self) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ANSWER, default=LARGEST_ANSWER, allow_null=True)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(serializers.empty if data is None else data)


class SearchSerializer(serializers.Serializer[Any]):
    """Refuses an empty `user_id`. A caller's unset variable must not search the memories of all users."""

    query = TextField(max_length=LONGEST_QUERY, allow_blank=True)
    user_id = NameField(required=False, allow_null=True, help_text="If null, searches the tenant's newest beliefs.")
    agent_id = OptionalNameField()
    limit = LimitField()


class TaskSerializer(SearchSerializer):
    """Version 1 calls the query `task`; the client's command line of 0.8 calls it `query`."""

    query = TextField(max_length=LONGEST_QUERY, allow_blank=True, allow_null=True, required=False)
    task = TextField(max_length=LONGEST_QUERY, allow_blank=True, allow_null=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        refuse_different(attrs, "task", "query")
        sent = [attrs[name] for name in ("task", "query") if attrs.get(name) is not None]
        if not sent:
            fault = serializers.ErrorDetail("Send the search text as task or query.", code="required")
            raise serializers.ValidationError({"task": [fault]})
        return {**attrs, "query": next(filter(None, sent), "")}


class GraphContextView(TenantAPIView):
    """Finds the beliefs that match a query, best first. An unknown user has an empty list."""

    access: ClassVar = {"POST": [IsTenantViewer]}
    largest_body = LARGE_BODY

    @extend_schema(operation_id="context_search", request=SearchSerializer, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        wanted = checked(SearchSerializer, request.data)
        user_id = wanted.get("user_id")
        found, _ = recall(principal=self.principal, query=wanted["query"], user_id=user_id, limit=wanted["limit"])
        return Response(graph_context(found, user_id=user_id))


class ContextView(TenantAPIView):
    """The same search with the response of version 1, which includes the user's newest events."""

    access: ClassVar = {"POST": [IsTenantViewer]}
    largest_body = LARGE_BODY

    @extend_schema(operation_id="context_search_v1", request=TaskSerializer, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        wanted = checked(TaskSerializer, request.data)
        user_id = wanted.get("user_id")
        query, limit = wanted["query"], wanted["limit"]
        found, events = recall(principal=self.principal, query=query, user_id=user_id, limit=limit, with_events=True)
        return Response(context(found, events, user_id=user_id))


class IngestSerializer(serializers.Serializer[Any]):
    """Either text in a field, or a text file."""

    user_id = NameField()
    agent_id = OptionalNameField()
    thread_id = OptionalNameField()
    text = TextField(required=False, trim_whitespace=False)
    file = serializers.FileField(required=False, help_text="Plain text or Markdown, UTF-8.")

    default_error_messages: ClassVar = {
        "required": "Send text, or a file of plain text.",
        "both": "Send text or a file, not both.",
        "not_text": "This is not UTF-8 text. PDF and other formats can't be read here: send their text.",
        "too_long": "The text is longer than 64 KiB. Send it in parts.",
    }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        file = attrs.pop("file", None)
        if file is not None:
            if "text" in attrs:
                self.refuse("both")
            attrs["text"] = self.read(file)
        attrs["text"] = attrs.get("text", "").removeprefix(BYTE_ORDER_MARK)
        if not attrs["text"].strip():
            self.refuse("required")
        if len(orjson.dumps({"text": attrs["text"]})) > LARGEST_CONTENT:
            self.refuse("too_long")
        return attrs

    def read(self, file: Any) -> str:
        try:
            text: str = file.read(LARGEST_CONTENT + 1).decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            self.refuse("not_text")
        return text

    def refuse(self, code: str) -> NoReturn:
        fault = serializers.ErrorDetail(str(self.error_messages[code]), code=code)
        raise serializers.ValidationError({"text": [fault]})


class IngestedSerializer(serializers.Serializer[Any]):
    event_id = serializers.UUIDField()
    status = serializers.CharField(help_text="stored")
    extraction = serializers.CharField(help_text="verbatim: no model has read the text.")
    beliefs_created = serializers.IntegerField()


class IngestView(TenantAPIView):
    """Stores a text as an event, and the user's own sentences as beliefs, word for word."""

    access: ClassVar = {"POST": [IsTenantEditor]}
    largest_body = LARGE_BODY
    parser_classes = (FormParser, MultiPartParser, *TenantAPIView.parser_classes)

    @extend_schema(request=IngestSerializer, responses=IngestedSerializer)
    def post(self, request: Request) -> Response:
        sent = checked(IngestSerializer, request.data)
        event, created = ingest_text(principal=self.principal, **sent)
        answer = {"event_id": event["id"], "status": "stored", "extraction": "verbatim", "beliefs_created": created}
        return Response(IngestedSerializer(answer).data)
