"""The import refuses a file that is cut, changed, packed badly or too large, and writes nothing."""

import gzip
import json
import zlib

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.memory.reading import faults
from tests.memory.transfers import BELIEF, EVENT, HEADER, NDJSON, ROWS, as_line, make_file, refused_line, upload

pytestmark = pytest.mark.usefixtures("nothing_is_written")
FILE = make_file(*ROWS)
LINES = FILE.splitlines(keepends=True)


def test_file_is_cut_anywhere(admin: APIClient) -> None:
    for length in range(0, len(FILE) - 1, 23):
        line = FILE[:length].count(b"\n") + 1
        assert refused_line(upload(admin, FILE[:length])) == line, length


@pytest.mark.parametrize("length", [len(FILE) - 2, len(FILE) - 20, *(len(b"".join(LINES[:n])) for n in range(6))])
def test_file_is_cut_at_the_end_of_a_line(length: int, admin: APIClient) -> None:
    assert refused_line(upload(admin, FILE[:length])) == FILE[:length].count(b"\n") + 1


def swapped(first: int, second: int) -> bytes:
    lines = LINES.copy()
    lines[first - 1], lines[second - 1] = lines[second - 1], lines[first - 1]
    return b"".join(lines)


FOOTER = json.loads(LINES[-1])


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (swapped(2, 3), 6),
        (swapped(4, 5), 6),
        (swapped(1, 2), 1),
        (swapped(5, 6), 5),
        (FILE.replace(b"hello", b"hellO"), 6),
        (FILE.replace(b"\n", b"\r\n"), 6),
        (b"".join(LINES[:2] + LINES[3:]), 6 - 1),
        (b"".join(LINES[:2] + LINES[1:]), 6 + 1),
        (FILE + b"\n", 7),
        (FILE + LINES[-1], 7),
        (FILE + as_line(EVENT), 7),
        (b"\n" + FILE, 1),
        (b"\xef\xbb\xbf" + FILE, 1),
        (make_file(*ROWS, sha256="0" * 64), 6),
        (make_file(*ROWS, sha256=FOOTER["sha256"].upper()), 6),
        (make_file(*ROWS, sha256=None), 6),
        (make_file(*ROWS, counts=FOOTER["counts"] | {"event": 2}), 6),
        (make_file(*ROWS, counts={"event": 1}), 6),
        (make_file(*ROWS, counts=None), 6),
        (make_file(*ROWS, counts=FOOTER["counts"] | {"event": True}), 6),
        (make_file(*ROWS, counts=FOOTER["counts"] | {"belief": 1.0}), 6),
        (make_file(BELIEF, counts=FOOTER["counts"] | {"event": False, "episode": 0, "user": 0}), 3),
        (make_file(EVENT, header=HEADER | {"version": 2}), 1),
        (make_file(EVENT, header=HEADER | {"version": "1"}), 1),
        (make_file(EVENT, header=HEADER | {"version": True}), 1),
        (make_file(EVENT, header=HEADER | {"version": 1.0}), 1),
        (make_file(EVENT, header=HEADER | {"version": None}), 1),
        (make_file(EVENT, header=HEADER | {"version": [1]}), 1),
        (make_file(EVENT, header=HEADER | {"format": "csv"}), 1),
        (make_file(EVENT, header=EVENT), 1),
        (make_file(EVENT, HEADER), 3),
        (b"id,event_type\n1,x\n", 1),
        (b"PK\x03\x04" + bytes(range(256)), 1),
        (gzip.compress(FILE), 1),
        (b"", 1),
        (b"\n", 1),
        (b"[]\n", 1),
        (b"null\n", 1),
    ],
    ids=lambda part: str(part)[:20] if isinstance(part, int) else "",
)
def test_file_is_not_what_was_exported(file: bytes, line: int, admin: APIClient) -> None:
    assert refused_line(upload(admin, file)) == line


def packed(file: bytes) -> bytes:
    return gzip.compress(file)


@pytest.mark.parametrize(
    "body",
    [packed(FILE)[:-1], packed(FILE)[:100], packed(FILE)[:5], b"", FILE, zlib.compress(FILE), packed(FILE) + b"x"],
    ids=["no end", "cut", "cut header", "empty", "plain", "zlib", "trailing"],
)
def test_broken_gzip_is_refused(body: bytes, admin: APIClient) -> None:
    refused = upload(admin, body, HTTP_CONTENT_ENCODING="gzip")
    assert (refused.status_code, refused.json()["code"]) == (422, "import_invalid")
    assert "gzip stream" in refused.json()["detail"]


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x"])
def test_other_encoding_is_415(encoding: str, admin: APIClient) -> None:
    assert upload(admin, FILE, HTTP_CONTENT_ENCODING=encoding).status_code == 415


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/gzip", "multipart/form-data"])
def test_other_content_type_is_415(content_type: str, admin: APIClient) -> None:
    assert admin.generic("POST", "/v1/admin/import", FILE, content_type=content_type).status_code == 415


@pytest.mark.parametrize("gzipped", [False, True])
def test_too_large_file_is_413(gzipped: bool, admin: APIClient, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = len(FILE) - 1
    body, headers = (packed(FILE), {"HTTP_CONTENT_ENCODING": "gzip"}) if gzipped else (FILE, {})
    refused = upload(admin, body, **headers)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("query", "fault"),
    [("dry_run=maybe", "dry_run"), ("on_conflict=overwrite", "on_conflict"), ("dry_run=", "dry_run")],
)
def test_unclear_wish_is_refused(query: str, fault: str, admin: APIClient) -> None:
    [(field, _)] = faults(admin.generic("POST", "/v1/admin/import", FILE, content_type=NDJSON, QUERY_STRING=query))
    assert field == fault
