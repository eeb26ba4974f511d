import gzip
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from memory.models import Event
from memory.transactions import tenant_transaction
from memory.transfer.exporting import export_tenant
from memory.transfer.lock import only_transfer
from memory.transfer.under_way import report_progress
from tenants.actor import command_line_actor
from tenants.models import AuditEntry, Tenant
from tests.connections import in_its_own_connection
from tests.factories import client_for, make_event, make_user
from tests.memory.transfers import EVENT, ROWS, make_file, normalised
from tests.studio.browsing import browser, main_form

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/studio/settings/import"
FILE = make_file(*ROWS)


def send(client: Client, body: bytes, name: str = "export.ndjson", **typed: Any) -> HttpResponse:
    form = main_form(client.get(PATH))
    return client.post(PATH, {**form, "file": SimpleUploadedFile(name, body), **typed})


def count_events(tenant: Tenant) -> int:
    with tenant_transaction(tenant.id):
        return Event.objects.for_tenant(tenant.id).count()


def test_the_export_is_the_apis(acme: Tenant, acme_admin: User) -> None:
    make_event(acme)
    response = browser(acme_admin).get("/studio/settings/export/file")
    assert "attachment" in response["Content-Disposition"]
    ours = response.getvalue()
    theirs = client_for(acme_admin).get("/v1/admin/export").getvalue()
    assert normalised(ours) == normalised(theirs) != []
    assert AuditEntry.objects.filter(action="memory.exported", actor_id=acme_admin.id).count() == 2


def test_a_download_is_not_packed_on_the_way(acme: Tenant, acme_admin: User) -> None:
    response = browser(acme_admin).get("/studio/settings/export/file", HTTP_ACCEPT_ENCODING="gzip")
    assert b'"type":"header"' in response.getvalue()
    assert "Content-Encoding" not in response


@pytest.mark.parametrize("body", [FILE, gzip.compress(FILE)], ids=["plain", "packed"])
def test_a_file_is_checked_first_and_then_imported(body: bytes, acme: Tenant, acme_admin: User) -> None:
    client = browser(acme_admin)
    checked = send(client, body, dry_run="true").content.decode()
    assert "Will be imported" in checked
    assert '<td>Events</td><td class="number">1</td><td class="number">0</td>' in checked
    assert count_events(acme) == 0
    imported = send(client, body).content.decode()
    assert ">Imported</h2>" in imported
    assert count_events(acme) == 1
    again = send(client, body).content.decode()
    assert '<td>Events</td><td class="number">0</td><td class="number">1</td>' in again
    with tenant_transaction(acme.id):
        assert Event.objects.get().written_by_user == acme_admin.id


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04" + bytes(100), b"id,name\n1,x\n", b"{}\n", b"\n", gzip.compress(b"x", mtime=0)]
)
def test_a_file_that_is_no_export_is_told_so(body: bytes, acme_admin: User) -> None:
    for typed in ({"dry_run": "true"}, {}):
        response = send(browser(acme_admin), body, **typed)
        page = response.content.decode()
        assert (response.status_code, "This file is not an export" in page) == (422, True)
        assert "Line 1:" in page


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (make_file(EVENT, b"not JSON\n"), "Line 3: not JSON"),
        (make_file(EVENT | {"user_id": ""}), "Line 2:"),
        (FILE[:-30], "incomplete"),
        (gzip.compress(FILE, mtime=0)[:-30], "the gzip stream is incomplete"),
        (b"\x1f\x8bnot gzip at all", "The data is not a valid gzip stream"),
        (b"", "This file is empty."),
    ],
)
def test_a_bad_file_is_told_with_its_line(body: bytes, sentence: str, acme: Tenant, acme_admin: User) -> None:
    response = send(browser(acme_admin), body)
    assert (response.status_code, sentence in response.content.decode()) == (422, True)
    assert count_events(acme) == 0


def test_a_file_is_on_disk_while_it_is_read_and_gone_afterwards(acme_admin: User) -> None:
    file = send(browser(acme_admin), FILE).wsgi_request.FILES["file"]
    assert isinstance(file, TemporaryUploadedFile)
    assert not Path(file.temporary_file_path()).exists()


@pytest.mark.parametrize("typed", [{}, {"file": "export.ndjson"}, {"file": ""}])
def test_without_a_file_one_is_asked_for(typed: dict[str, str], acme_admin: User) -> None:
    client = browser(acme_admin)
    response = client.post(PATH, main_form(client.get(PATH)) | typed)
    assert response.status_code == 422
    assert 'id="file-fault"' in response.content.decode()


def test_a_hostile_file_name_is_inert(acme_admin: User) -> None:
    page = send(browser(acme_admin), b"x", name="<script>alert(1)</script>.ndjson").content.decode()
    assert "<script>alert" not in page


def test_a_file_over_the_limit_is_refused_unread(acme_admin: User, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 1024
    response = send(browser(acme_admin), bytes(200_000))
    assert (response.status_code, "larger than 1,024 bytes" in response.content.decode()) == (413, True)


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(acme_admin: User, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 10_000
    response = send(browser(acme_admin), gzip.compress(b" " * 1_000_000))
    assert response.status_code == 413
    assert "larger than 10,000 bytes" in response.content.decode()


def test_sending_a_file_twice_by_one_form_imports_it_once(acme: Tenant, acme_admin: User) -> None:
    client = browser(acme_admin)
    form = main_form(client.get(PATH))
    first, again = (client.post(PATH, {**form, "file": SimpleUploadedFile("a", FILE)}) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert AuditEntry.objects.filter(action="memory.imported").count() == 1


def test_while_another_transfer_runs_it_is_told(acme: Tenant, acme_admin: User) -> None:
    lock = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(lock, [f"memgraph transfer {acme.id}"])
        response = send(browser(acme_admin), FILE)
    assert (response.status_code, "import of this workspace is running" in response.content.decode()) == (409, True)
    assert count_events(acme) == 0


@pytest.mark.parametrize("path", ["/studio/login", "/studio/account", "/studio/settings", PATH])
def test_no_other_page_keeps_a_file(path: str, acme_editor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does the import for whom it is not."""
    made: list[Any] = []
    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile", lambda *args: made.append(args))
    client = browser(acme_editor)
    form = main_form(client.get("/studio/account"))
    for size, statuses in ((9_000, (200, 403, 422)), (3_000_000, (403, 413))):
        response = client.post(path, {**form, "file": SimpleUploadedFile("big", bytes(size))})
        assert response.status_code in statuses
        assert not made
        assert not response.wsgi_request.FILES


def test_the_import_checks_its_token(acme: Tenant, acme_admin: User) -> None:
    client = browser(acme_admin)
    form = main_form(client.get(PATH)) | {"csrfmiddlewaretoken": "x" * 64}
    response = client.post(PATH, {**form, "file": SimpleUploadedFile("a", FILE)})
    assert (response.status_code, "came from another site" in response.content.decode()) == (403, True)
    assert count_events(acme) == 0


def under_way(client: Client) -> str:
    return " ".join(client.get("/studio/settings/transfer").content.decode().split())


def test_an_export_shows_how_far_it_is(acme: Tenant, acme_admin: User, globex: Tenant) -> None:
    """Without reading on, it stands still in the middle of its events: they don't fit between server and reader."""
    for _ in range(50):
        make_event(acme, content={"text": "x" * 60_000})
    client, stranger = browser(acme_admin), browser(make_user(globex))
    with ThreadPoolExecutor(1) as reader:
        download = reader.submit(lambda: open_export(acme)).result()
        shown = under_way(client)
        assert re.search(r"Exporting: \d+ of 50 events", shown)
        assert "progress" not in under_way(stranger)
        reader.submit(in_its_own_connection, lambda: list(download)).result()
    assert "progress" not in under_way(client)


def open_export(tenant: Tenant) -> Generator[bytes]:
    chunks = export_tenant(tenant_id=tenant.id, actor=command_line_actor())
    for _ in range(2):
        next(chunks)
    return chunks


def test_an_import_shows_how_far_it_is(acme: Tenant, acme_admin: User) -> None:
    with tenant_transaction(acme.id), only_transfer(acme.id), ThreadPoolExecutor(1) as pool:
        report_progress("import", 12_345)
        shown = pool.submit(in_its_own_connection, lambda: under_way(browser(acme_admin))).result()
    assert "line 12,345" in shown
    assert "progress" not in under_way(browser(acme_admin))
