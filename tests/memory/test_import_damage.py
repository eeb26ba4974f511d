"""A file that was damaged, over HTTP and by command: refused with the same words and the line, and nothing written."""

import gzip
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from rest_framework.test import APIClient

from tenants.models import Role, Tenant
from tests.factories import key_client, make_event
from tests.memory.transfers import BELIEF, EPISODE, EVENT, HEADER, NDJSON, make_file, refused_line, upload

pytestmark = pytest.mark.django_db(transaction=True)
FILE = make_file(EVENT, BELIEF, EPISODE)
SMALL = make_file(BELIEF)
LINES = FILE.splitlines(keepends=True)
PACKED = gzip.compress(SMALL)
CUT_OFF = "The gzip stream is cut off. Nothing was imported."
Refusal = Callable[..., str]  # of a file, packed or not: what is said of it


@pytest.fixture
def client(acme: Tenant) -> APIClient:
    return key_client(acme, Role.ADMIN)


@pytest.fixture(params=["http", "command"])
def refusal(request: pytest.FixtureRequest, acme: Tenant, client: APIClient, tmp_path: Path) -> Refusal:
    def by_http(file: bytes, *, packed: bool = False) -> str:
        refused = upload(client, file, **({"HTTP_CONTENT_ENCODING": "gzip"} if packed else {}))
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


@pytest.fixture(autouse=True)
def nothing_is_written(client: APIClient) -> Iterator[None]:
    yield
    stats = client.get("/v1/stats").json()
    assert (stats["total_events"], stats["total_users"], stats["total_episodes"]) == (0, 0, 0)


def test_cut_at_any_byte(client: APIClient) -> None:
    for length in range(len(SMALL) - 1):
        line = SMALL[:length].count(b"\n") + 1
        whole = SMALL[length : length + 1] == b"\n"  # but for its newline: then it is the next that is missing
        assert refused_line(upload(client, SMALL[:length])) == line + whole, length


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
        "Line 1: its version is not 1, the only one that is known here. Nothing was imported."
    )


def test_with_another_checksum(refusal: Refusal) -> None:
    assert refusal(make_file(EVENT, sha256="0" * 64)).startswith("Line 3: the checksum")


def test_of_events_that_only_another_tenant_has(refusal: Refusal, globex: Tenant) -> None:
    theirs = EPISODE | {"event_ids": [str(make_event(globex).id)]}
    assert refusal(make_file(EVENT, theirs)).startswith("Line 3: event_ids names an event that is neither")


def test_packed_and_cut_at_any_byte(client: APIClient) -> None:
    for length in range(len(PACKED)):
        refused = upload(client, PACKED[:length], HTTP_CONTENT_ENCODING="gzip")
        assert refused.json()["detail"] == CUT_OFF, length


def test_packed_and_cut_at_some_bytes(refusal: Refusal) -> None:
    for length in range(0, len(PACKED), 37):
        assert refusal(PACKED[:length], packed=True) == CUT_OFF, length


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
    acme: Tenant, client: APIClient, settings: Settings, tmp_path: Path
) -> None:
    settings.IMPORT_MAX_BYTES = 10_000
    body = gzip.compress(b"") * 1000
    refused = client.generic("POST", "/v1/admin/import", body, content_type=NDJSON, HTTP_CONTENT_ENCODING="gzip")
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")
    (tmp_path / "file.gz").write_bytes(body)
    arguments = [str(acme.id), str(tmp_path / "file.gz"), "--max-bytes", "10000"]
    with pytest.raises(CommandError, match="larger than 10,000 bytes"):
        call_command("import_tenant", *arguments)
