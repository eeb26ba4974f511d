"""Export files: got from the API, taken apart, and made by hand."""

import hashlib
import json
from typing import Any

from rest_framework.response import Response
from rest_framework.test import APIClient

NDJSON = "application/x-ndjson"
HEADER = {"type": "header", "format": "memgraph-export", "version": 1}
MOMENT = "2026-01-31T12:00:00.123456Z"
EVENT = {
    "type": "event",
    "id": "01900000-0000-7000-8000-000000000001",
    "event_type": "user_message",
    "content": {"text": "hello"},
    "user_id": "ada",
    "agent_id": None,
    "thread_id": "t 1",
    "occurred_at": MOMENT,
    "created_at": MOMENT,
}
BELIEF = {
    "type": "belief",
    "id": "01900000-0000-7000-8000-000000000002",
    "subject_id": "ada",
    "key": "city",
    "value": "London",
    "confidence": 0.5,
    "belief_type": "fact",
    "domain": None,
    "status": "active",
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "ended_at": None,
}
EPISODE = {
    "type": "episode",
    "id": "01900000-0000-7000-8000-000000000003",
    "user_id": "ada",
    "agent_id": None,
    "thread_id": None,
    "summary": "They spoke.",
    "summary_kind": "given",
    "derived": False,
    "tags": ["travel"],
    "outcome": "completed",
    "consolidation_status": "pending",
    "started_at": MOMENT,
    "ended_at": MOMENT,
    "event_ids": [EVENT["id"]],
    "created_at": MOMENT,
}
USER = {"type": "user", "id": "01900000-0000-7000-8000-000000000004", "email": "ada@example.com"}
ROWS = (EVENT, BELIEF, EPISODE, USER)
AWKWARD = [
    "back\\slash \\\\ \\n \\N \\. \\u0041 \\u0000",
    "\\N",
    "\\.",
    "\"quotes\" 'single'",
    "line\nbreak\r\nand\rreturn",
    "tab\tand\x01\x08\x0b\x0c\x1f\x7f\x80\x9f",
    "\u2028\u2029\ufeff\ufffe\ufffd",
    "Zoë Lo\u0301 ключ 漢字 \u202e",
    "🦉👩‍👩‍👧\U0010ffff",
    " ",
    "{}",
    "null",
]


def export(client: APIClient) -> bytes:
    response = client.get("/v1/admin/export")
    assert response.status_code == 200, response.content
    return response.getvalue()


def upload(client: APIClient, body: bytes, query: str = "", **headers: str) -> Response:
    return client.generic("POST", "/v1/admin/import", body, content_type=NDJSON, QUERY_STRING=query, **headers)


def parsed(file: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.splitlines()]


def normalised(file: bytes) -> list[bytes]:
    """What an import keeps of an export, byte for byte."""
    kept = [line for line in parsed(file) if line["type"] in ("event", "belief", "episode")]
    for line in kept:
        del line["written_by_key"], line["written_by_user"]
    return [json.dumps(line).encode() for line in kept]


def as_line(row: Any) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n"


def make_file(*rows: Any, header: Any = HEADER, **footer: Any) -> bytes:
    """A whole file of rows, which are objects or bytes; `footer` overrides what would be right."""
    counts = dict.fromkeys(("event", "belief", "episode", "user"), 0)
    for row in rows:
        if isinstance(row, dict) and row.get("type") in counts:
            counts[row["type"]] += 1
    body = b"".join(map(as_line, [header, *rows]))
    right = {"type": "footer", "counts": counts, "sha256": hashlib.sha256(body).hexdigest()}
    return body + as_line(right | footer)


def refused_line(response: Response) -> int:
    """The number of the line that an import refused."""
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "import_invalid"), problem
    assert problem["detail"].endswith(" Nothing was imported."), problem
    word, number, _ = problem["detail"].replace(":", " ").split(" ", 2)
    assert word == "Line", problem
    return int(number)
