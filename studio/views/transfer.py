"""Export to a file, and import from one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from rest_framework import serializers

from memory.counts.queries import tenant_totals
from memory.transactions import tenant_transaction
from memory.transfer.lines import Gunzipped, Readable
from memory.transfer.over_http import export_response, import_stream, receive_form
from memory.transfer.under_way import transfer_under_way
from memory.transfer.views import ImportOptionsSerializer
from studio.access import PageRequest, page
from studio.forms import Form
from tenants.actor import actor_of
from tenants.limits.page_forms import takes
from tenants.permissions import IsTenantAdmin
from tenants.problems import Unprocessable

GZIP: Final = b"\x1f\x8b"  # RFC 1952, section 2.3.1
NO_EXPORT: Final = "This file is not an export. Choose a file that was downloaded from the export page."


@page(IsTenantAdmin)
def export(request: PageRequest) -> HttpResponse:
    return render(request, "studio/settings/export.html", progress(request))


@page(IsTenantAdmin, methods=("GET",))
def export_file(request: PageRequest) -> StreamingHttpResponse:
    return export_response(request.principal, actor_of(request))


@page(IsTenantAdmin)
def under_way(request: PageRequest) -> HttpResponse:
    """The progress on both pages: the part that refreshes itself."""
    return render(request, "studio/settings/under_way.html", progress(request))


def progress(request: PageRequest) -> dict[str, Any]:
    """How far the running export or import is, and its number of rows if that is known."""
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id):
        stats = tenant_totals(tenant_id)
        transfer = transfer_under_way(tenant_id)
    totals = {"event": stats["total_events"], "episode": stats["total_episodes"]}
    return {"stats": stats, "transfer": transfer, "total": totals.get(getattr(transfer, "part", ""))}


class ImportSerializer(ImportOptionsSerializer):
    file = serializers.FileField(error_messages={"required": "Choose a file.", "empty": "This file is empty."})


@takes(None)  # `receive_form` checks the size, after authentication
@csrf_exempt  # the token is in the form, which is read after authentication: `show_import` checks it
@page(IsTenantAdmin, form=True)
def import_page(request: PageRequest) -> HttpResponse:
    """The file is on disk for as long as the request lasts, and never in memory."""
    if request.method == "POST":
        receive_form(request, request.principal)
    return show_import(request)


@csrf_protect
def show_import(request: PageRequest) -> HttpResponse:
    """A dry run first, then the import. The file is sent each time, because the server keeps none."""
    form = Form(request, ImportSerializer)
    imported = None
    if form.submitted:
        form.values.update(request.FILES)  # type: ignore[arg-type] # DRF does this for `request.data`
        with form.checking():
            fields = form.fields()
            stream = unpacked(fields.pop("file"))
            with naming_wrong_file():
                imported = import_stream(request.principal, stream, actor_of(request), **fields)
    is_trial, most = "dry_run" in request.POST, settings.IMPORT_MAX_BYTES
    return form.show(
        "studio/settings/import.html", imported=imported, is_trial=is_trial, most=most, **progress(request)
    )


def unpacked(file: "UploadedFile[bytes]") -> Readable:
    """Looks at the first bytes, because a file name proves nothing."""
    is_packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    stream = cast("Readable", file)
    return Gunzipped(stream) if is_packed else stream


@contextmanager
def naming_wrong_file() -> Iterator[None]:
    """An error in line 1 means that the file is not an export. Other errors name their line already."""
    try:
        yield
    except Unprocessable as refusal:
        if str(refusal.detail).startswith("Line 1:"):
            raise Unprocessable(f"{NO_EXPORT} {refusal.detail}", code="import_invalid") from None
        raise
