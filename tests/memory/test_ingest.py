"""Text that is handed over: it becomes an event, and its sentences become beliefs."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event as Flag
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from memory.beliefs.services import record_belief
from tenants.models import Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import anonymous_client, make_key
from tests.memory.ingesting import ingest, values
from tests.memory.reading import faults
from tests.routes import ROUTES

FORM = "application/x-www-form-urlencoded"


def test_the_event_keeps_the_whole_text(editor_key: APIClient) -> None:
    text = "  [x] I like tea.\nAssistant: Noted.\n"
    event = editor_key.get(f"/v1/events/{ingest(editor_key, text=text, agent_id='a')['event_id']}").json()
    assert (event["content"], event["event_type"], event["agent_id"]) == ({"text": text}, "user_message", "a")


def test_beliefs_are_unsure(editor_key: APIClient) -> None:
    ingest(editor_key, text="I like tea.")
    (belief,) = editor_key.get("/v1/beliefs").json()["items"]
    assert (belief["confidence"], belief["belief_type"]) == (0.3, "belief")


def test_the_same_text_again_makes_no_belief(editor_key: APIClient) -> None:
    assert ingest(editor_key, text="I like tea.")["beliefs_created"] == 1
    assert ingest(editor_key, text="i LIKE tea!")["beliefs_created"] == 0
    assert values(editor_key) == ["I like tea."]


def test_forms_and_files_are_taken(editor_key: APIClient) -> None:
    form = editor_key.post("/v1/ingest", "user_id=ada&text=I+like+tea.", content_type=FORM)
    file = SimpleUploadedFile("notes.md", "Ich mag Käse.".encode(), "text/markdown")
    upload = editor_key.post("/v1/ingest", {"user_id": "ada", "file": file}, format="multipart")
    assert [answer.json()["beliefs_created"] for answer in (form, upload)] == [1, 1]
    assert values(editor_key) == ["I like tea.", "Ich mag Käse."]


def test_text_and_file_together_are_refused(editor_key: APIClient) -> None:
    file = SimpleUploadedFile("notes.md", b"I like milk.", "text/markdown")
    response = editor_key.post(
        "/v1/ingest", {"user_id": "ada", "text": "I like tea.", "file": file}, format="multipart"
    )
    assert faults(response) == [("text", "both")]
    assert editor_key.get("/v1/stats").json()["total_events"] == 0


@pytest.mark.parametrize("content", [b"%PDF-1.7\n\xe2\xe3", b"a\0b", b""])
def test_a_file_that_is_no_text_is_refused(content: bytes, editor_key: APIClient) -> None:
    file = SimpleUploadedFile("notes.pdf", content, "application/pdf")
    response = editor_key.post("/v1/ingest", {"user_id": "ada", "file": file}, format="multipart")
    assert response.status_code == 422
    assert editor_key.get("/v1/stats").json()["total_events"] == 0


@pytest.mark.parametrize(
    "fields", [{}, {"text": ""}, {"text": " \n"}, {"text": "é" * 40_000}, {"text": None}, {"text": ["a"]}]
)
def test_bad_texts(fields: dict[str, Any], editor_key: APIClient) -> None:
    assert editor_key.post("/v1/ingest", {"user_id": "ada", **fields}).status_code == 422


def test_ingest_is_for_editors() -> None:
    assert ROUTES["ingest", "POST"].who == "editor"


@pytest.mark.django_db(transaction=True)
def test_two_texts_with_the_same_sentences_in_another_order_are_both_kept(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second request waits before it writes any belief, so neither waits for the other in the middle."""
    key, begun, written = make_key(acme)[1], Flag(), []

    def record_in_step(**fields: Any) -> Any:
        written.append(fields["value"])
        recorded = record_belief(**fields)
        if len(written) == 1:
            begun.set()
            until_somebody_waits()
        return recorded

    def send(text: str) -> int:
        return anonymous_client(HTTP_X_API_KEY=key).post("/v1/ingest", {"user_id": "ada", "text": text}).status_code

    monkeypatch.setattr("memory.recall.ingest.record_belief", record_in_step)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(in_its_own_connection, partial(send, "I like tea. I live in London."))
        assert begun.wait(10)
        second = pool.submit(in_its_own_connection, partial(send, "I live in London. I like tea."))
        assert [first.result(), second.result()] == [200, 200]
    assert written == ["I like tea.", "I live in London."]
    client = anonymous_client(HTTP_X_API_KEY=key)
    assert sorted(values(client)) == ["I like tea.", "I live in London."]
    assert len(client.get("/v1/events").json()["items"]) == 2
