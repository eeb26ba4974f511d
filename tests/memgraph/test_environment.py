"""Settings from the environment: every mistake is named, and no secret with it."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from memgraph.databases import parse_database_url
from memgraph.environment import Environment
from memgraph.secret_key import load_or_make_secret_key

SECRET = "s3cret-and-long-enough-to-sign-with-it"


def read(method: str, value: str | None, *arguments: Any, **limits: Any) -> tuple[Any, list[str]]:
    env = Environment({} if value is None else {"NAME": value})
    return getattr(env, method)("NAME", *arguments, **limits), env.mistakes


@pytest.mark.parametrize(("value", "text"), [(None, "default"), ("", "default"), ("  ", "default"), (" a b ", "a b")])
def test_an_empty_variable_is_an_unset_one(value: str | None, text: str) -> None:
    assert read("text", value, "default") == (text, [])


@pytest.mark.parametrize(("value", "number"), [(None, 7), ("", 7), ("1", 1), (" 65535 ", 65535), ("0008001", 8001)])
def test_a_whole_number_is_read(value: str | None, number: int) -> None:
    assert read("integer", value, 7, minimum=1, maximum=65535) == (number, [])


NUMBERS = [
    "0",
    "65536",
    "-1",
    "1.5",
    "1e3",
    "x",
    "٣",
    "²",
    "0x10",
    "1_000",
    "9" * 5000,
    "00000000199999",
    "800100000000",
]


@pytest.mark.parametrize("value", NUMBERS, ids=lambda text: ascii(text)[:16])
def test_a_number_out_of_its_range_is_a_mistake(value: str) -> None:
    number, mistakes = read("integer", value, 7, minimum=1, maximum=65535)
    assert (number, len(mistakes)) == (7, 1)
    assert mistakes[0].endswith("Set it to a whole number from 1 to 65535.")


def test_a_large_bound_is_held() -> None:
    assert read("integer", "999999999999", 1, minimum=1, maximum=999_999_999_999)[1] == []
    assert len(read("integer", "9999999999999", 1, minimum=1, maximum=999_999_999_999)[1]) == 1


@pytest.mark.parametrize(
    ("value", "length"),
    [
        (None, timedelta(days=7)),
        ("90", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_is_read(value: str | None, length: timedelta) -> None:
    assert read("duration", value, "7d") == (length, [])


@pytest.mark.parametrize(
    "value", ["0", "0d", "-1d", "1w", "7 d", "d", "1.5h", "7D", "3651d", "999999999d", "9" * 50, "٣d"]
)
def test_another_duration_is_a_mistake(value: str) -> None:
    length, mistakes = read("duration", value, "7d")
    assert (length, len(mistakes)) == (timedelta(0), 1)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        (None, "http://127.0.0.1:8001"),
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("HTTPS://a.example", "https://a.example"),
        ("http://[::1]:8001", "http://[::1]:8001"),
    ],
)
def test_an_address_is_read(value: str | None, url: str) -> None:
    assert read("url", value, "http://127.0.0.1:8001") == (url, [])


URLS = [
    "a.example",
    "//a.example",
    "ftp://a.example",
    "javascript:alert(1)",
    "https://",
    "https://:443",
    "https://a.example/path",
    "https://a.example?q",
    "https://a.example#f",
    "https://user:pw@a.example",
    "https://a.example:0",
    "https://a.example:99999",
    "https://a.example:x",
    "https://[::1",
]


@pytest.mark.parametrize("value", URLS)
def test_another_address_is_a_mistake(value: str) -> None:
    url, mistakes = read("url", value, "http://127.0.0.1:8001")
    assert (url, len(mistakes)) == ("http://127.0.0.1:8001", 1)


def test_choices_are_named() -> None:
    assert read("choice", "b", "a", ["a", "b"]) == ("b", [])
    assert read("choice", "prod", "a", ["a", "b"]) == ("a", ["NAME is 'prod'. Set it to one of: a, b."])


def test_signing_keys_are_read_in_order() -> None:
    keys, mistakes = read("secrets_by_id", f"new:{SECRET}:x, old:{SECRET}", minimum_bytes=32)
    assert (list(keys.items()), mistakes) == ([("new", f"{SECRET}:x"), ("old", SECRET)], [])


KEYS = [
    SECRET,
    f"a b:{SECRET}",
    f":{SECRET}",
    f"a:{SECRET},a:{SECRET}x",
    "a:short-secret",
    f"{SECRET}:a",
    f"a:{SECRET},{SECRET}",
]


@pytest.mark.parametrize("value", KEYS)
def test_a_mistake_in_signing_keys_tells_no_secret(value: str) -> None:
    _, mistakes = read("secrets_by_id", value, minimum_bytes=32)
    assert mistakes
    assert "secret" not in " ".join(mistakes).replace("kid:secret", "").replace(": secret ", "")
    assert SECRET not in " ".join(mistakes)


def test_all_mistakes_are_told_at_once() -> None:
    env = Environment({"A": "x", "B": "y"})
    env.integer("A", 1, minimum=1, maximum=2)
    env.duration("B", "1d")
    with pytest.raises(SystemExit) as exit_:
        env.exit_on_mistakes()
    assert [line.split()[1] for line in str(exit_.value).splitlines()] == ["A", "B"]


PASSWORD_URLS = [
    "mysql://u:{0}@h/d",
    "postgresql://u:{0}@h/",
    "postgresql://u:{0}@h/d?nonsense=1",
    "postgresql://u:{0}%zz@h/d",
    "postgresql://u:{0}%ff@h/d",
    "postgresql://u:{0}%00@h/d",
    "postgresql://u:{0} x@h/d",
    "postgresql://u:x/{0}@h/d",
    "postgresql://u:12/{0}@h/d",
    "postgresql://u:x@{0}@h/d",
    "postgresql://u:{0}/x@h/d",
    "postgresql://u:{0}?x/y@h/d",
    "host=h password={0} dbname=d",
    "{0}",
]


@pytest.mark.parametrize("url", PASSWORD_URLS)
def test_a_bad_database_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_database_url(url.format("hunter2"))
    assert "hunter2" not in str(refusal.value)
    assert type(refusal.value) is ValueError
    assert refusal.value.__cause__ is None


def test_a_database_url_is_read() -> None:
    database = parse_database_url("postgresql://u:p%40%2Fw@h1:5433/d?sslmode=require&target_session_attrs=any")
    where = {name: database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    assert where == {"NAME": "d", "USER": "u", "PASSWORD": "p@/w", "HOST": "h1", "PORT": "5433"}
    options = database["OPTIONS"]
    assert (options["sslmode"], options["target_session_attrs"]) == ("require", "any")


def test_the_secret_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    made = load_or_make_secret_key(data_dir)
    assert len(made) >= 64
    assert load_or_make_secret_key(data_dir) == made
    assert stat.S_IMODE((data_dir / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert [file.name for file in data_dir.iterdir()] == ["secret_key"]


def test_of_many_that_make_the_secret_key_at_once_all_get_one(tmp_path: Path) -> None:
    for attempt in range(5):
        barrier = Barrier(8)

        def make(data_dir: Path = tmp_path / str(attempt), wait: Callable[[], int] = barrier.wait) -> str:
            wait()
            return load_or_make_secret_key(data_dir)

        with ThreadPoolExecutor(8) as pool:
            keys = {future.result() for future in [pool.submit(make) for _ in range(8)]}
        assert len(keys) == 1
        assert [file.name for file in (tmp_path / str(attempt)).iterdir()] == ["secret_key"]
