"""A file that was damaged, over HTTP and by command: refused with the same words and the line, and nothing written."""

import gzip
import zlib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from memory.transfer.lines import CHUNK_BYTES
from tenants.models import Tenant
from tests.factories import make_event
from tests.memory.transfers import BELIEF, EPISODE, EVENT, HEADER, NDJSON, make_file, refused_line, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nothing_is_written")]
FILE = make_file(EVENT, BELIEF, EPISODE)
SMALL = make_file(BELIEF)
LINES = FILE.splitlines(keepends=True)
PACKED = gzip.compress(SMALL)
Refusal = Callable[..., str]  # of a file, packed or not: what is said of it


STEPS = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.soak)])


@pytest.fixture(params=["http", "command"])
def refusal(request: pytest.FixtureRequest, acme: Tenant, admin_key: APIClient, tmp_path: Path) -> Refusal:
    def by_http(file: bytes, *, packed: bool = False) -> str:
        refused = upload(admin_key, file, **({"HTTP_CONTENT_ENCODING": "gzip"} if packed else {}))
        assert (refused.status_code, refused.json()["code"]) == (422, "import_invalid"), refused.content
        return str(refused.json()["detail"])

    def by_command(file: bytes, *, packed: bool = False) -> str:
        path = tmp_path / ("file.gz" if packed else "file")
        path.write_bytes(file)
        with pytest.raises(CommandError) as refused:
            call_command("import_tenant", str(acme.id), str(path))
        assert refused.value.returncode == 1
        return str(refused.value)

    return by_http if request.param == "http" else by_command


@STEPS
def test_cut_at_any_byte(step: int, admin_key: APIClient) -> None:
    for length in range(0, len(SMALL) - 1, step):
        line = SMALL[:length].count(b"\n") + 1
        whole = SMALL[length : length + 1] == b"\n"  # but for its newline: then it is the next that is missing
        assert refused_line(upload(admin_key, SMALL[:length])) == line + whole, length


def test_cut_at_some_bytes(refusal: Refusal) -> None:
    for length in range(0, len(FILE) - 1, 37):
        line = FILE[:length].count(b"\n") + 1
        assert refusal(FILE[:length]).startswith(f"Line {line}: "), length


def test_any_two_lines_swapped(refusal: Refusal) -> None:
    last = len(LINES) - 1
    for first, second in combinations(range(len(LINES)), 2):
        lines = LINES.copy()
        lines[first], lines[second] = lines[second], lines[first]
        line = 1 if first == 0 else first + 1 if second == last else last + 1
        assert refusal(b"".join(lines)).startswith(f"Line {line}: "), (first, second)


def test_any_line_left_out_or_doubled(refusal: Refusal) -> None:
    for place in range(len(LINES)):
        for lines in (LINES[:place] + LINES[place + 1 :], LINES[: place + 1] + LINES[place:]):
            assert refusal(b"".join(lines)).startswith("Line ")


def test_of_a_future_version(refusal: Refusal) -> None:
    assert refusal(make_file(EVENT, header=HEADER | {"version": 2})) == (
        "Line 1: its version is not 1, the only supported version. Nothing was imported."
    )


def test_with_another_checksum(refusal: Refusal) -> None:
    assert refusal(make_file(EVENT, sha256="0" * 64)).startswith("Line 3: the checksum")


def test_of_events_that_only_another_tenant_has(refusal: Refusal, globex: Tenant) -> None:
    theirs = EPISODE | {"event_ids": [str(make_event(globex).id)]}
    assert refusal(make_file(EVENT, theirs)).startswith("Line 3: event_ids names an event that is neither")


def cut_off(packed: bytes) -> str:
    lines = zlib.decompressobj(wbits=31).decompress(packed).count(b"\n")
    place = f"After line {lines}: the" if lines else "The"
    return f"{place} gzip stream is incomplete. Nothing was imported."


@STEPS
def test_packed_and_cut_at_any_byte(step: int, admin_key: APIClient) -> None:
    for length in range(0, len(PACKED), step):
        refused = upload(admin_key, PACKED[:length], HTTP_CONTENT_ENCODING="gzip")
        assert refused.json()["detail"] == cut_off(PACKED[:length]), length


def test_packed_and_cut_at_some_bytes(refusal: Refusal) -> None:
    for length in range(0, len(PACKED), 37):
        assert refusal(PACKED[:length], packed=True) == cut_off(PACKED[:length]), length


def long_file() -> tuple[bytes, list[bytes]]:
    """Of several chunks, and its lines."""
    file = make_file(*(EVENT | {"id": str(UUID(int=number)), "thread_id": "x" * 200} for number in range(1, 1001)))
    return file, file.splitlines(keepends=True)


@pytest.mark.parametrize("lines", [1, 2, 500, 1001, 1002])
def test_a_gzip_stream_that_breaks_off_is_told_with_the_last_whole_line(lines: int, refusal: Refusal) -> None:
    """Each line flushed by itself, as a program that logs would do."""
    _, parts = long_file()
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH) for part in parts[:lines])
    assert refusal(packed, packed=True) == f"After line {lines}: the gzip stream is incomplete. Nothing was imported."


def test_a_member_that_is_none_is_told_with_the_last_line_of_the_one_before(refusal: Refusal) -> None:
    said = refusal(gzip.compress(b"".join(LINES[:3])) + b"garbage", packed=True)
    assert said == "After line 3: the data is not a valid gzip stream. Nothing was imported."


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_too_large_is_told_with_the_last_whole_line(
    packed: bool, acme: Tenant, admin_key: APIClient, settings: Settings, tmp_path: Path
) -> None:
    file, lines = long_file()
    settings.IMPORT_MAX_BYTES = len(file) - 1
    whole = file[: (len(file) - 1) // CHUNK_BYTES * CHUNK_BYTES].count(b"\n")
    assert 0 < whole < len(lines)
    body, headers = (gzip.compress(file), {"HTTP_CONTENT_ENCODING": "gzip"}) if packed else (file, {})
    refused = upload(admin_key, body, **headers)
    said = f"After line {whole}: the file is larger than {len(file) - 1:,} bytes"
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
    assert refused.json()["detail"].startswith(said)
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(body)
    with pytest.raises(CommandError, match=said):
        call_command("import_tenant", str(acme.id), str(path), "--max-bytes", str(len(file) - 1))


@pytest.mark.parametrize(
    "packed",
    [
        PACKED + b"garbage",
        PACKED + b"\0",
        PACKED + gzip.compress(b"\n"),
        PACKED + PACKED,
        PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:],
        PACKED[:-4] + b"\0\0\0\0",
        gzip.compress(SMALL[:300]) + gzip.compress(SMALL[301:]),
        SMALL,
        gzip.compress(PACKED),
    ],
    ids=[
        "garbage",
        "NUL",
        "a member more",
        "twice",
        "CRC",
        "length",
        "a byte between members",
        "plain",
        "twice packed",
    ],
)
def test_packed_and_damaged(packed: bytes, refusal: Refusal) -> None:
    assert refusal(packed, packed=True)


def test_members_that_unpack_to_nothing_count_by_their_packed_size(
    acme: Tenant, admin_key: APIClient, settings: Settings, tmp_path: Path
) -> None:
    settings.IMPORT_MAX_BYTES = 10_000
    body = gzip.compress(b"") * 1000
    refused = admin_key.generic("POST", "/v1/admin/import", body, content_type=NDJSON, HTTP_CONTENT_ENCODING="gzip")
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
    (tmp_path / "file.gz").write_bytes(body)
    arguments = [str(acme.id), str(tmp_path / "file.gz"), "--max-bytes", "10000"]
    with pytest.raises(CommandError, match="larger than 10,000 bytes"):
        call_command("import_tenant", *arguments)
