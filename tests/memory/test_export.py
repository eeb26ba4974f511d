"""The export: its lines, its name, its secrets kept, one snapshot, one at a time."""

import hashlib
import json

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from tenants.models import Role, Tenant
from tests.calling import elsewhere
from tests.factories import (
    PASSWORD,
    client_for,
    key_client,
    make_belief,
    make_episode,
    make_event,
    make_key,
    make_tenant,
    make_token,
    make_user,
)
from tests.memory.transfers import AWKWARD, EVENT, HEADER, MOMENT, export, make_file, parsed, upload

pytestmark = pytest.mark.django_db(transaction=True)


def test_export_is_header_rows_by_type_and_footer(acme: Tenant) -> None:
    admin = make_user(acme, email="ada@acme.example", full_name="Ada Lovelace")
    client = client_for(admin)
    event = client.post("/v1/events", {"event_type": "x", "content": {"n": 1.5}, "user_id": "ada"})
    old, new = (client.post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": value}) for value in "ab")
    sent = {"user_id": "ada", "summary": "s", "tags": ["t"], "started_at": MOMENT, "event_ids": [event.json()["id"]]}
    episode = client.post("/v1/episodes", sent)
    old = client.get(f"/v1/beliefs/{old.json()['id']}")
    file = export(client)
    lines = parsed(file)
    exported_at = lines[0].pop("exported_at")
    assert lines == [
        HEADER
        | {
            "tenant": {
                "id": str(acme.id),
                "name": "Acme",
                "sector": "",
                "created_at": acme.created_at.isoformat().replace("+00:00", "Z"),
            }
        },
        {"type": "event"} | event.json(),
        {"type": "belief"} | old.json(),
        {"type": "belief"} | new.json(),
        {"type": "episode"} | {name: value for name, value in episode.json().items() if name != "event_count"},
        {
            "type": "user",
            "id": str(admin.id),
            "email": "ada@acme.example",
            "full_name": "Ada Lovelace",
            "role": "admin",
            "created_at": admin.created_at.isoformat().replace("+00:00", "Z"),
        },
        {
            "type": "footer",
            "counts": {"event": 1, "belief": 2, "episode": 1, "user": 1},
            "sha256": hashlib.sha256(b"".join(file.splitlines(keepends=True)[:-1])).hexdigest(),
        },
    ]
    assert exported_at[:10] == str(timezone.now().date())
    assert file.endswith(b"}\n")


def test_export_of_an_empty_tenant_has_its_people(admin: APIClient, globex: Tenant) -> None:
    for make in (make_event, make_belief, make_episode, make_user):
        make(globex)
    assert [line["type"] for line in parsed(export(admin))] == ["header", "user", "footer"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Acme", "acme"),
        ("Acme & Söhne GmbH", "acme-sohne-gmbh"),
        ('a"; filename="evil.sh', "a-filenameevilsh"),
        ("../../etc/passwd", "etcpasswd"),
        ("two\r\nX-Injected: yes", "two-x-injected-yes"),
        ("漢字 🦉", "workspace"),
        ("---", "workspace"),
        ("x" * 100, "x" * 50),
    ],
)
def test_file_name_is_safe(name: str, part: str) -> None:
    response = key_client(make_tenant(name), Role.ADMIN).get("/v1/admin/export")
    assert parsed(response.getvalue())[0]["tenant"]["name"] == name
    today = timezone.now().date()
    assert response["Content-Disposition"] == f'attachment; filename="memgraph-{part}-{today}.ndjson"'
    assert response["Content-Type"] == "application/x-ndjson"
    assert response["Cache-Control"] == "no-store"
    assert "X-Injected" not in response


def test_no_secret_and_nothing_of_others_is_in_it(acme: Tenant, globex: Tenant) -> None:
    admin = make_user(acme, password=PASSWORD)
    token = make_token(admin)
    key, text = make_key(acme, Role.ADMIN, name="the key's name")
    for make in (make_event, make_belief, make_episode):
        make(globex, **({"subject_id": "theirs"} if make is make_belief else {"user_id": "theirs"}))
    make_user(globex, email="theirs@globex.example")
    client = client_for(admin)
    sessions = [str(session.id) for session in admin.sessions.all()]
    file = export(client).decode()
    assert admin.email in file
    hidden = [PASSWORD, admin.password, token, text, key.prefix, key.name, str(globex.id)]
    for secret in [*hidden, *sessions, key.digest.hex(), "theirs", "argon2", "password", "digest"]:
        assert secret not in file, secret


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_text_survives_exactly(text: str, acme: Tenant, admin: APIClient) -> None:
    event = make_event(acme, event_type=text, content={text: [text]}, user_id=text, agent_id=text, thread_id=text)
    make_belief(acme, subject_id=text, key=text, value=text, domain=text)
    make_episode(acme, user_id=text, summary=text, tags=[text, text])
    _, event_line, belief, episode, *_ = parsed(export(admin))
    names = ("event_type", "user_id", "agent_id", "thread_id")
    assert [event_line[name] for name in names] == [text] * 4
    assert event_line["content"] == {text: [text]}
    assert [belief[name] for name in ("subject_id", "key", "value", "domain")] == [text] * 4
    assert (episode["user_id"], episode["summary"], episode["tags"]) == (text, text, [text, text])
    assert event_line["id"] == str(event.id)


def test_text_survives_in_an_export_of_many_chunks(acme: Tenant, admin: APIClient) -> None:
    texts = [text * 3000 for text in AWKWARD]
    for text in texts:
        make_event(acme, content={"text": text})
    assert [line["content"]["text"] for line in parsed(export(admin)) if line["type"] == "event"] == texts


def test_export_is_one_snapshot(acme: Tenant, admin: APIClient) -> None:
    belief = make_belief(acme)
    response = admin.get("/v1/admin/export")
    elsewhere(lambda: [make_event(acme), make_belief(acme, value="Paris"), make_user(acme)])
    elsewhere(lambda: key_client(acme).patch(f"/v1/beliefs/{belief.id}", {"confidence": 0}))
    lines = parsed(response.getvalue())
    assert [(line["type"], line.get("value"), line.get("confidence")) for line in lines[1:-1]] == [
        ("belief", "London", 0.5),
        ("user", None, None),
    ]
    assert lines[-1]["counts"] == {"event": 0, "belief": 1, "episode": 0, "user": 1}
    assert len(parsed(export(admin))) == 7


def test_one_transfer_of_a_tenant_at_a_time(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    other = key_client(acme, Role.ADMIN)
    first = admin.get("/v1/admin/export")
    for refused in (
        elsewhere(lambda: other.get("/v1/admin/export")),
        elsewhere(lambda: upload(other, make_file(EVENT))),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "transfer_running")
    theirs = elsewhere(lambda: key_client(globex, Role.ADMIN).get("/v1/admin/export"))
    assert (theirs.status_code, theirs.json()["code"], theirs["Retry-After"]) == (503, "busy", "1")
    assert parsed(first.getvalue())[-1]["counts"]["event"] == 0
    assert upload(other, make_file(EVENT)).status_code == 200


@pytest.mark.parametrize("taken", [0, 1])
def test_aborted_download_frees_lock_and_slot(taken: int, acme: Tenant, admin: APIClient) -> None:
    for _ in range(20):
        make_event(acme, content={"text": "x" * 10_000})
    for _ in range(3):
        response = admin.get("/v1/admin/export")
        chunks = iter(response.streaming_content)
        for _ in range(taken):
            next(chunks)
        response.close()
        assert not connection.in_atomic_block
    assert elsewhere(lambda: export(key_client(acme, Role.ADMIN))).count(b"\n") == 23


def test_asking_for_the_head_alone_frees_lock_and_slot(acme: Tenant, admin: APIClient) -> None:
    for _ in range(2):
        response = admin.head("/v1/admin/export")
        assert (response.status_code, response.content if not response.streaming else response.getvalue()) == (200, b"")
        response.close()  # as a server does
    assert elsewhere(lambda: export(key_client(acme, Role.ADMIN)))


@pytest.mark.parametrize("accept", ["application/x-ndjson", "application/json", "*/*"])
def test_refusal_is_a_problem_whatever_was_asked_for(accept: str, acme: Tenant, editor_key: APIClient) -> None:
    refused = editor_key.get("/v1/admin/export", HTTP_ACCEPT=accept)
    assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
    assert json.loads(refused.content)["code"] == "role_required"
    taken = key_client(acme, Role.ADMIN).get("/v1/admin/export", HTTP_ACCEPT=accept)
    assert (taken.status_code, taken["Content-Type"]) == (200, "application/x-ndjson")
    assert taken.getvalue()
