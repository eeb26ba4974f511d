"""Exports and imports over HTTP, for the API and the Studio."""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.text import slugify

from memory.records import written_by
from memory.transfer.exporting import export_tenant
from memory.transfer.importing import Imported, import_tenant
from memory.transfer.lines import Readable
from tenants.actor import Actor
from tenants.limits.page_forms import body_size
from tenants.limits.slots import TRANSFERS
from tenants.principal import Principal
from tenants.problems import PayloadTooLarge
from tenants.watching import ending_early

NDJSON: Final = "application/x-ndjson"
FORM_BYTES: Final = 64 * 1024  # allowance for the form around the file


def export_response(principal: Principal, actor: Actor) -> StreamingHttpResponse:
    """Returns an export as a file download."""
    chunks = export_tenant(tenant_id=principal.tenant_id, actor=actor)
    first = next(chunks)  # a refused export is then an error response, not a broken stream
    response = StreamingHttpResponse(resumed(first, chunks), content_type=NDJSON)
    response._resource_closers.append(chunks.close)  # type: ignore[attr-defined] # also if the client leaves before the second chunk
    name = slugify(principal.tenant_name)[:50] or "workspace"
    response["Content-Disposition"] = f'attachment; filename="memgraph-{name}-{timezone.now():%Y-%m-%d}.ndjson"'
    return response


def resumed(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from ending_early(rest)


def import_stream(principal: Principal, stream: Readable, actor: Actor, **options: Any) -> Imported:
    """Imports at most `IMPORT_MAX_BYTES`."""
    return import_tenant(
        tenant_id=principal.tenant_id,
        authors=written_by(principal),
        stream=stream,
        most=settings.IMPORT_MAX_BYTES,
        actor=actor,
        **options,
    )


def receive_form(request: HttpRequest, principal: Principal) -> None:
    """Writes the uploaded file of an import form to disk. Holds a transfer slot meanwhile."""
    if body_size(request) > settings.IMPORT_MAX_BYTES + FORM_BYTES:
        most = f"{settings.IMPORT_MAX_BYTES:,}"
        raise PayloadTooLarge(f"The file is larger than {most} bytes. Ask the operator to import it by command.")
    request.upload_handlers = [TemporaryFileUploadHandler(request)]
    with TRANSFERS.take(principal.tenant_id):
        request.POST  # noqa: B018 - reads the form
