"""The settings file as a whole, under one environment and another."""

import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cret-and-long-enough-to-sign-with-it"


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The settings file, read afresh under another environment."""

    def load(**variables: str) -> dict[str, Any]:
        monkeypatch.setattr(os, "environ", {"MEMGRAPH_DATA_DIR": str(tmp_path), **variables})
        return runpy.run_path(str(ROOT / "memgraph" / "settings.py"))

    return load


def test_development_lets_anonymous_in_and_production_does_not(settings_of: Any) -> None:
    def last(**variables: str) -> str:
        return str(settings_of(**variables)["REST_FRAMEWORK"]["DEFAULT_AUTHENTICATION_CLASSES"][-1])

    assert last(MEMGRAPH_ENV="development") == "tenants.authentication.DevelopmentAnonymous"
    assert last() == last(MEMGRAPH_ENV="production") == "apikeys.authentication.APIKeyAuthentication"
    assert settings_of(MEMGRAPH_ENV="development")["DEBUG"] is False


@pytest.mark.parametrize("stored", ["", "\n", "short\n"])
def test_a_spoiled_secret_key_stops_the_start(stored: str, settings_of: Any, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text(stored)
    with pytest.raises(SystemExit, match=r"SECRET_KEY has [05] bytes, and 32 are needed"):
        settings_of()


def test_a_database_url_needs_a_secret_key(settings_of: Any) -> None:
    url = "postgresql://u:hunter2@h/d"
    with pytest.raises(SystemExit, match=r"^memgraph: SECRET_KEY is not set, and DATABASE_URL is\.[^\n]*$"):
        settings_of(DATABASE_URL=url)
    with pytest.raises(SystemExit, match="SECRET_KEY has 5 bytes"):
        settings_of(DATABASE_URL=url, SECRET_KEY="short")
    assert settings_of(DATABASE_URL=url, SECRET_KEY=SECRET)["SECRET_KEY"] == SECRET


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://m.example", "m.example"), ("https://M.Example:8443", "m.example"), ("http://[fd00::1]:80", "[fd00::1]")],
)
def test_the_public_host_is_allowed(url: str, host: str, settings_of: Any) -> None:
    assert settings_of(PUBLIC_URL=url)["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]", host]


def test_the_scheme_of_the_public_url_decides_about_cookies(settings_of: Any) -> None:
    safe, plain = settings_of(PUBLIC_URL="HTTPS://m.example"), settings_of(PUBLIC_URL="http://m.example")
    names = (
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SESSION_COOKIE_NAME",
        "CSRF_COOKIE_NAME",
        "HTTPS",
    )
    assert [safe[name] for name in names] == [True, True, "__Host-operator", "__Host-csrf", True]
    assert [plain[name] for name in names] == [False, False, "operator", "csrf", False]


def test_signing_keys_differ_from_the_secret_key_they_come_from(settings_of: Any) -> None:
    keys = settings_of(SECRET_KEY=SECRET)["JWT_SIGNING_KEYS"]
    assert len(keys["default"]) == 64
    assert SECRET not in keys["default"]
    assert keys == settings_of(SECRET_KEY=SECRET)["JWT_SIGNING_KEYS"]
    assert keys != settings_of(SECRET_KEY=f"{SECRET}x")["JWT_SIGNING_KEYS"]


@pytest.mark.parametrize(("value", "is_on"), [("", True), ("on", True), ("off", False)])
def test_the_lease_can_be_turned_off(value: str, is_on: bool, settings_of: Any) -> None:
    assert settings_of(AUTHORITY_LEASE=value)["AUTHORITY_LEASE"] is is_on
