"""Which sentences of a text become beliefs: those of the user, word for word."""

import pytest
from rest_framework.test import APIClient

from tests.memory.ingesting import ingest, values


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
