"""Reads the audit log: filtered entries, the end of the chain, and the whole log as a CSV file."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final
from uuid import UUID

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify
from rest_framework import serializers

from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.checks import Place
from tenants.audit.csv_file import csv_lines
from tenants.audit.log import record
from tenants.authority import acting
from tenants.ids import parse_id
from tenants.limits.slots import AUDIT_DOWNLOADS
from tenants.models import AuditEntry, AuditEntryQuerySet, AuditHead
from tenants.principal import Principal
from tenants.serializers import checked
from tenants.watching import ending_early, watching, while_allowed

LINES_AT_ONCE: Final = 200
HEAD_HEADER: Final = "X-Memgraph-Audit-Head"


class AuditFilterSerializer(serializers.Serializer[Any]):
    actor = serializers.CharField(required=False, max_length=254, help_text="The actor's id or exact label.")
    action = serializers.ChoiceField(choices=Action.choices, required=False)
    since = serializers.DateTimeField(required=False, source="at__gte", help_text="This moment or later.")
    until = serializers.DateTimeField(required=False, source="at__lt", help_text="Before this moment.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if actor := attrs.pop("actor", None):
            actor_id = parse_id(actor)
            attrs |= {"actor_id": actor_id} if actor_id else {"actor_label": actor}
        return attrs


def chosen_entries(tenant_id: UUID, filters: Mapping[str, str]) -> AuditEntryQuerySet:
    wanted = checked(AuditFilterSerializer, filters)
    return AuditEntry.objects.for_tenant(tenant_id).filter(**wanted)


def csv_response(principal: Principal, filters: Mapping[str, str], actor: Actor) -> StreamingHttpResponse:
    """Returns the log as a download. Holds a slot until the response is closed."""
    with ExitStack() as held:
        held.enter_context(AUDIT_DOWNLOADS.take(principal.tenant_id))
        response = start_csv(principal, filters, actor)
        response._resource_closers.append(held.pop_all().close)  # type: ignore[attr-defined]
    return response


def start_csv(principal: Principal, filters: Mapping[str, str], actor: Actor) -> StreamingHttpResponse:
    """Audits the download before it starts."""
    tenant_id = principal.tenant_id
    entries = chosen_entries(tenant_id, filters)
    wanted = {name: value for name, value in filters.items() if name in AuditFilterSerializer().fields}
    with acting(actor):
        record(Action.AUDIT_EXPORTED, actor=actor, tenant_id=tenant_id, after={"filters": wanted})
    head = chain_end(tenant_id)
    rows = entries.filter(number__lte=head.number).order_by("number").iterator(LINES_AT_ONCE)
    lines = ending_early(watched_lines(principal, rows, head))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8; header=present")
    name = slugify(principal.tenant_name)[:50] or "workspace"
    file_name = f"memgraph-audit-{name}-{timezone.now():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response[HEAD_HEADER] = "{number}:{mac}".format(**shown(head))
    return response


def watched_lines(principal: Principal, rows: Iterable[AuditEntry], head: Place) -> Iterator[str]:
    """Leaves out the last line, the chain's head, if the reader's authority ends during the download."""
    with watching(principal) as watch:
        yield from while_allowed(csv_lines(rows, head), watch)


def chain_end(tenant_id: UUID) -> Place:
    head = AuditHead.objects.filter(tenant_id=tenant_id).first()
    return Place.end(head) if head else Place(0, b"")


def shown(head: Place) -> dict[str, Any]:
    return {"number": head.number, "mac": head.mac.hex()}
