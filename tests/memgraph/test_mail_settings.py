import pytest

from memgraph.environment import Environment

SECRET = "s3cret-passphrase"
MAIL = {
    "smtp://mail.example": ("mail.example", 25, "", "", False, False, ""),
    "smtp://mail.example?tls=1": ("mail.example", 587, "", "", False, True, ""),
    "smtp://u:p@mail.example:2525?tls=1": ("mail.example", 2525, "u", "p", False, True, ""),
    "smtp://ada%40x.example:p%23%2F%3A@mail.example/": ("mail.example", 25, "ada@x.example", "p#/:", False, False, ""),
    "smtps://u:p@mail.example": ("mail.example", 465, "u", "p", True, False, ""),
    "smtps://mail.example?from=memgraph%40acme.example": (
        "mail.example",
        465,
        "",
        "",
        True,
        False,
        "memgraph@acme.example",
    ),
    "smtp://[::1]:1025?tls=0": ("::1", 1025, "", "", False, False, ""),
}


@pytest.mark.parametrize("url", MAIL)
def test_a_mail_server_is_understood(url: str) -> None:
    env = Environment({"EMAIL_URL": url})
    assert tuple(env.mail_server("EMAIL_URL").values()) == MAIL[url]
    assert not env.mistakes


@pytest.mark.parametrize(
    "url",
    [
        f"http://u:{SECRET}@mail.example",
        f"u:{SECRET}@mail.example",
        f"smtp://u:{SECRET}@",
        f"smtp://u:{SECRET}@mail.example:0",
        f"smtp://u:{SECRET}@mail.example:99999",
        f"smtp://u:{SECRET}@mail.example/box",
        f"smtp://u:{SECRET}#x@mail.example",
        f"smtp://u:{SECRET}@mail.example?tls=yes",
        f"smtp://u:{SECRET}@mail.example?ssl=1",
        f"smtp://u:{SECRET}@mail.example?tls",
        f"smtps://u:{SECRET}@mail.example?tls=1",
        f"smtp://u:{SECRET}@mail.example?from=ada",
        f"smtp://u:{SECRET}@[mail",
    ],
)
def test_a_mistake_is_named_without_the_password(url: str) -> None:
    env = Environment({"EMAIL_URL": url})
    assert env.mail_server("EMAIL_URL") == {}
    (mistake,) = env.mistakes
    assert mistake.startswith("EMAIL_URL ")
    assert "smtp://user:password@host:587?tls=1" in mistake
    assert SECRET not in mistake
