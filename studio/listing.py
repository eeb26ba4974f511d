"""Lists that the query string filters. They use the API's own filters, so that both behave the same."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer

from studio.access import PageRequest
from studio.forms import sentence_of
from tenants.keyset import Page, keyset_page

LENGTH: Final = 50
LABELS: Final = {
    "agent_id": "Agent",
    "belief_type": "Type",
    "consolidation_status": "Status",
    "cursor": "Page",
    "domain": "Domain",
    "event_type": "Type",
    "outcome": "Outcome",
    "since": "Since",
    "subject_id": "End user",
    "thread_id": "Thread",
    "until": "Until",
    "user_id": "End user",
    "written_by_key": "Written by key",
    "written_by_user": "Written by",
}


class Listing:
    """One page of a list: its rows, its filters, and their errors."""

    def __init__(self, request: PageRequest, serializer: type[Serializer[Any]]) -> None:
        self.request = request
        self.values = {name: text for name, text in request.GET.items() if text and name in serializer().fields}
        self.cursor = request.GET.get("cursor")
        self.errors: dict[str, str] = {}
        self.wanted: dict[str, Any] = {}
        self.page = Page([], None)
        filters = serializer(data=self.values)
        if filters.is_valid():
            self.wanted = filters.validated_data
        else:
            self.set_errors(filters.errors)

    def take(self, rows: QuerySet[Any], *, ordering: Sequence[str], name: str) -> None:
        """Call in `tenant_transaction` if the rows are events, beliefs or episodes."""
        if self.errors:
            return
        tenant_id = self.request.principal.tenant_id
        try:
            self.page = keyset_page(
                rows.filter(**self.wanted),
                ordering=ordering,
                limit=LENGTH,
                cursor=self.cursor,
                tenant_id=tenant_id,
                name=f"studio {name}",
            )
        except ValidationError as refusal:
            self.set_errors(refusal.detail)

    def set_errors(self, detail: Any) -> None:
        self.errors = {name: sentence_of(fault) for name, fault in detail.items()}

    @property
    def rows(self) -> list[Any]:
        return self.page.rows

    @property
    def faults(self) -> dict[str, str]:
        return {LABELS[name]: sentence for name, sentence in self.errors.items()}

    @property
    def newest(self) -> str:
        """The URL of the first page."""
        return "?" + urlencode(self.values)

    @property
    def older(self) -> str:
        """The URL of the next page; "" if there is none."""
        cursor = self.page.next_cursor
        return "?" + urlencode(self.values | {"cursor": cursor}) if cursor else ""

    def show(self, template: str, **context: Any) -> HttpResponse:
        return render(self.request, template, {"list": self, **context}, status=422 if self.errors else 200)
