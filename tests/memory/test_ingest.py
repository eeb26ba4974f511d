"""Text handed over: an event, and the user's own sentences word for word. Nothing is made up."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from tests.routes import ROUTES

FORM = "application/x-www-form-urlencoded"


def ingest(client: APIClient, **fields: Any) -> dict[str, Any]:
    response = client.post("/v1/ingest", {"user_id": "ada", **fields})
    assert response.status_code == 200, response.content
    return response.json()


def values(client: APIClient) -> list[str]:
    return [belief["value"] for belief in client.get("/v1/beliefs?subject_id=ada").json()["items"]][::-1]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I like tea. I live in London!", ["I like tea.", "I live in London!"]),
        ("User: I like tea.\nAssistant: You are a tea drinker.", ["I like tea."]),
        ("[preference] I like tea", ["I like tea"]),
        ("What do I like? I like tea.", ["I like tea."]),
        ("Yes.", []),
        ("I like tea.\nI like tea.\ni LIKE tea!", ["I like tea."]),
        ("x" * 1001 + " y", []),
    ],
)
def test_keeps_what_the_user_states(text: str, kept: list[str], editor_key: APIClient) -> None:
    answer = ingest(editor_key, text=text)
    assert values(editor_key) == kept
    assert (answer["status"], answer["extraction"], answer["beliefs_created"]) == ("stored", "verbatim", len(kept))


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
