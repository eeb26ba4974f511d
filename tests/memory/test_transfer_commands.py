"""`export_tenant` and `import_tenant`: the same as over HTTP, to and from files."""

import gzip
import io
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from tenants.models import AuditEntry, Role, Tenant
from tests.calling import elsewhere
from tests.factories import key_client, make_belief, make_event, make_user
from tests.memory.reading import kept_rows
from tests.memory.transfers import BELIEF, EVENT, ROWS, USER, export, make_file, normalised, parsed, upload

pytestmark = pytest.mark.django_db(transaction=True)
FILE = make_file(*ROWS)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def write(tenant: Tenant, file: Path | str, *options: str) -> None:
    call_command("export_tenant", str(tenant.id), str(file), *options)


def read(tenant: Tenant, file: Path | str, *options: str) -> list[str]:
    output = io.StringIO()
    call_command("import_tenant", str(tenant.id), str(file), *options, stdout=output)
    return output.getvalue().splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme.ndjson"


@pytest.mark.parametrize("suffix", [".ndjson", ".ndjson.gz"])
def test_what_is_exported_is_what_http_gives_and_is_imported(
    suffix: str, tmp_path: Path, acme: Tenant, globex: Tenant, admin_key: APIClient
) -> None:
    upload(admin_key, FILE)
    make_user(acme)
    file = tmp_path / f"acme{suffix}"
    write(acme, file)
    content = gzip.decompress(file.read_bytes()) if suffix.endswith(".gz") else file.read_bytes()
    assert content.splitlines()[1:-1] == export(admin_key).splitlines()[1:-1]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    created = [f"{name}: 1 created, 0 skipped" for name in ("event", "belief", "episode")]
    assert read(globex, file) == created
    assert read(globex, file) == [line.replace("1 created, 0", "0 created, 1") for line in created]
    assert normalised(export(key_client(globex, Role.ADMIN))) == normalised(content)


def test_standard_streams_take_the_place_of_files(
    acme: Tenant,
    globex: Tenant,
    file: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_event(acme)
    write(acme, "-")
    written = capfdbinary.readouterr()
    assert [line["type"] for line in parsed(written.out)] == ["header", "event", "footer"]
    assert written.err == b""
    file.write_bytes(written.out)
    with file.open("rb") as stdin:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin))
        assert read(globex, "-")[0] == "event: 1 created, 0 skipped"


def test_rows_of_the_command_are_nobodys_and_the_operator_is_in_the_audit_log(
    acme: Tenant, admin_key: APIClient, file: Path
) -> None:
    file.write_bytes(FILE)
    read(acme, file)
    write(acme, file, "--force")
    for line in parsed(file.read_bytes())[1:4]:
        assert (line["written_by_key"], line["written_by_user"]) == (None, None)
    entries = AuditEntry.objects.filter(tenant_id=acme.id, action__startswith="memory.").order_by("id")
    assert [(entry.action, entry.actor_kind, entry.actor_label) for entry in entries] == [
        ("memory.imported", "operator", "command line"),
        ("memory.exported", "operator", "command line"),
    ]


def test_a_dry_run_writes_nothing(acme: Tenant, file: Path) -> None:
    file.write_bytes(FILE)
    assert read(acme, file, "--dry-run")[0] == "event: 1 would be created, 0 would be skipped"
    assert kept_rows(acme) == {}
    assert not AuditEntry.objects.filter(tenant_id=acme.id, action="memory.imported")


@pytest.mark.parametrize("name", ["file", "folder", "device"])
def test_what_exists_is_not_overwritten(name: str, acme: Tenant, tmp_path: Path) -> None:
    path = {"file": tmp_path / "there", "folder": tmp_path, "device": Path("/dev/null")}[name]
    if name == "file":
        path.write_text("precious")
    with pytest.raises(CommandError, match="exists"):
        write(acme, path)
    if name != "file":
        with pytest.raises(CommandError, match="exists"):
            write(acme, path, "--force")
        return
    assert path.read_text() == "precious"
    write(acme, path, "--force")
    assert len(parsed(path.read_bytes())) == 2


class BrokenOffError(Exception):
    pass


def test_an_export_that_is_broken_off_leaves_no_file(acme: Tenant, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(chunks: object, *, total: int) -> None:
        assert [part.suffix for part in file.parent.iterdir()] == [".part"]
        raise BrokenOffError

    monkeypatch.setattr("memory.management.commands.export_tenant.shown_export", break_off)
    with pytest.raises(BrokenOffError):
        write(acme, file)
    assert not list(file.parent.iterdir())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda tenant, file: write(tenant, file / "no" / "folder"), "Nothing was exported: .*No such file"),
        (lambda tenant, file: read(tenant, file), "Nothing was imported: .*No such file"),
        (lambda tenant, file: read(tenant, file.parent), "Nothing was imported: .*Is a directory"),
        (lambda tenant, file: call_command("export_tenant", "Acme", str(file)), "no such tenant.*/admin/"),
        (lambda tenant, file: call_command("import_tenant", str(EVENT["id"]), str(file)), "no such tenant"),
    ],
    ids=["folder", "file", "directory", "name", "id"],
)
def test_what_can_not_be_done_is_said(
    call: Callable[[Tenant, Path], None], said: str, acme: Tenant, file: Path
) -> None:
    with pytest.raises(CommandError, match=said):
        call(acme, file)


def test_one_transfer_of_a_tenant_at_a_time_by_command_too(acme: Tenant, admin_key: APIClient, file: Path) -> None:
    response = admin_key.get("/v1/admin/export")

    def run() -> None:
        with pytest.raises(CommandError, match=r"^Another export or import of this workspace is running\.$"):
            write(acme, file)

    elsewhere(run)
    response.close()
    assert not list(file.parent.iterdir())


def test_a_conflict_is_an_error_if_asked_for(acme: Tenant, admin_key: APIClient, file: Path) -> None:
    make_belief(acme, subject_id="ada", key="city")
    file.write_bytes(make_file(EVENT, BELIEF))
    with pytest.raises(CommandError, match=r"1 of the beliefs up to line 3 already exist here. Nothing was imported."):
        read(acme, file, "--on-conflict", "fail")
    assert admin_key.get("/v1/stats").json()["total_events"] == 0
    assert read(acme, file)[1] == "belief: 0 created, 1 skipped"


def test_largest_size_is_of_what_is_unpacked(acme: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "acme.gz"
    file.write_bytes(gzip.compress(FILE))
    with pytest.raises(CommandError, match="larger than"):
        read(acme, file, "--max-bytes", str(len(FILE) - 1))
    assert read(acme, file, "--max-bytes", str(len(FILE)))


def test_a_terminal_sees_rows_rate_and_time_left(
    acme: Tenant, globex: Tenant, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_event(acme)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    write(acme, file)
    shown = terminal.getvalue()
    assert re.search(r"100%\|#+\| 3\.00/3\.00 \[00:\d\d<00:00, [\d.,]+ rows/s\]", shown)
    read(globex, file)
    shown = terminal.getvalue()[len(shown) :]
    assert re.search(r"100%\|#+\| 3 rows \[00:\d\d<00:00, [\d,]+ rows/s\]", shown)


def test_of_a_pipe_there_is_no_time_left(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin, os.fdopen(writer, "wb") as pipe:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin))
        pipe.write(FILE)
        pipe.close()
        read(acme, "-")
    assert re.search(r"\r6 rows \[00:\d\d, [\d,]+ rows/s\]\n$", terminal.getvalue())


def test_nobody_but_a_terminal_sees_it(acme: Tenant, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(acme, file)
    assert capsys.readouterr() == ("", "")


def test_user_lines_make_no_accounts(acme: Tenant, file: Path) -> None:
    file.write_bytes(make_file(USER))
    read(acme, file)
    assert not acme.users.exists()
