"""Text handed over: an event, and the user's own sentences word for word. Nothing is made up."""

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
from tests.memory.reading import faults
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
        ("[preference] I like tea", ["I like tea"]),
        ("What do I like? I like tea.", ["I like tea."]),
        ("Yes.", []),
        ("I like tea.\nI like tea.\nI LIKE tea!", ["I like tea."]),
        ("x" * 1001 + " y", []),
        ("I have 5 cats. I have -5 cats.", ["I have 5 cats.", "I have -5 cats."]),
        ("I know C# well. I know C++ well.", ["I know C# well.", "I know C++ well."]),
        ("我住在北京。我喜欢喝茶。谢谢。", ["我住在北京。", "我喜欢喝茶。"]),
        ("東京に住んでいます。はい。", ["東京に住んでいます。"]),
        ("나는 서울에 살아요. 네.", ["나는 서울에 살아요."]),
    ],
)
def test_keeps_what_the_user_states(text: str, kept: list[str], editor_key: APIClient) -> None:
    answer = ingest(editor_key, text=text)
    assert values(editor_key) == kept
    assert (answer["status"], answer["extraction"], answer["beliefs_created"]) == ("stored", "verbatim", len(kept))


WHOLE = [
    "Dr. Smith is my doctor.",
    "I met J. R. R. Tolkien once.",
    "I was in the U.S. Army for long.",
    "My number is no. 5 of 12.",
    "I use Django, e.g. With forms.",
    "I have a Ph.D. Mostly for fun.",
    "Prof. Dr. Meier ist mein Arzt.",
    "Am 5. Juni habe ich Geburtstag.",
    "I waited... Then I left.",
    "I moved to\nLondon last year.",
    "Yahoo! is where I work.",
    "I work at Yahoo! (the firm) for now.",
    "I like the <user> tag.",
    'She said "I am rich. I am tall. Bye." and left.',
    "He said (I quote. I am rich. Really.) that.",
    "My pets:\n- a cat\n- two dogs",
    "i like tea. i live in london.",
    "Note: I like tea.",
    "I like my AI: Siri is good.",
]


@pytest.mark.parametrize("text", WHOLE)
def test_no_part_of_a_sentence_is_kept(text: str, editor_key: APIClient) -> None:
    ingest(editor_key, text=text)
    assert values(editor_key) == [text]


@pytest.mark.parametrize(
    "text",
    [
        "# All about me",
        "- green apples\n- red wine",
        "1. green apples",
        "> I am quoted. I am quoted again.",
        "| I am | a table |",
        "```\nI am code.\nUser: I am code.\n```",
        "~~~\nI am code. I have no end.",
        '{"role": "assistant", "content": "You are tall. You are old."}',
        "I want to buy:",
    ],
)
def test_what_is_no_sentence_is_left_out(text: str, editor_key: APIClient) -> None:
    ingest(editor_key, text=f"I live here.\n\n{text}")
    assert values(editor_key) == ["I live here."]


TURNS = [
    "Assistant: {}",
    "ASSISTANT : {}",
    "assistant\uff1a{}",
    "  Assistant:\n{}",
    "**Assistant:** {}",
    "**Assistant**: {}",
    "**Assistant** {}",
    "*Assistant*\n{}",
    "### Assistant\n{}",
    "## Assistant:\n\n{}",
    "> Assistant: {}",
    "- Assistant: {}",
    "[assistant] {}",
    "[assistant]: {}",
    "[10:32] Assistant: {}",
    "2026-01-31T10:32:05Z Assistant: {}",
    "10:32 p.m. - Assistant: {}",
    "Assistant (10:32): {}",
    "<assistant>{}</assistant>",
    "<assistant>\n{}\n</assistant>",
    "<|assistant|>{}",
    "<|im_start|>assistant\n{}<|im_end|>",
    "AI: {}",
    "AI assistant: {}",
    "Bot: {}",
    "Chatbot: {}",
    "System: {}",
    "GPT-4o: {}",
    "ChatGPT said:\n{}",
    "Claude 3.5: {}",
]
SAID = "You should buy gold now.\n- Take two pills daily.\n\nIt is\n\ngood for you. I am sure."


@pytest.mark.parametrize("turn", TURNS)
def test_the_turn_of_an_assistant_lasts_until_the_users(turn: str, editor_key: APIClient) -> None:
    text = f"I live here.\n{turn.format(SAID)}\nUser: I prefer silver.\n\nI like tea.\n{turn.format(SAID)}"
    ingest(editor_key, text=text)
    assert values(editor_key) == ["I live here.", "I prefer silver.", "I like tea."]


@pytest.mark.parametrize(
    "turn",
    [
        "User: {}",
        "Human: {}",
        "me: {}",
        "**User:** {}",
        "### User\n{}",
        "[user] {}",
        "[10:32] User: {}",
        "<user>{}</user>",
        "<|im_start|>user\n{}<|im_end|>",
    ],
)
def test_the_users_label_is_no_part_of_what_they_say(turn: str, editor_key: APIClient) -> None:
    ingest(editor_key, text=f"{turn.format('I like tea.')}\nAssistant: You do.\n{turn.format('I am old.')}")
    assert values(editor_key) == ["I like tea.", "I am old."]


@pytest.mark.parametrize(
    "text",
    [
        "User: I like tea.\nBob: I like beer.\nI am Bob.",
        "User: I like tea. Assistant: I am made of code. I am tall.",
        "User: I like tea.\nBut there it says, Assistant: I am made of code. I am tall.",
        "I like tea. AI: I am made of code. I am tall.",
        "<user>I like tea.</user> I am nobody.",
    ],
)
def test_whoever_else_speaks_is_not_the_user(text: str, editor_key: APIClient) -> None:
    ingest(editor_key, text=text)
    assert values(editor_key) == ["I like tea."]


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
    """The second waits before it writes any, and not in the middle, for what the first waits for."""
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
