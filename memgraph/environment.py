"""Typed reading of environment variables. Collects all mistakes instead of stopping at the first."""

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from memgraph.mail_server import parse_email_url

LONGEST_DURATION = timedelta(days=3650)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Environment:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.mistakes: list[str] = []

    def mistake(self, sentence: str) -> None:
        self.mistakes.append(sentence)

    def exit_on_mistakes(self) -> None:
        if self.mistakes:
            sys.exit("\n".join(f"memgraph: {sentence}" for sentence in self.mistakes))

    def text(self, name: str, default: str = "") -> str:
        """An empty variable counts as unset, because compose files write unset variables like that."""
        return self.variables.get(name, "").strip() or default

    def choice(self, name: str, default: str, choices: Iterable[str]) -> str:
        value = self.text(name, default)
        if value not in choices:
            self.mistake(f"{name} is {value!r}. Set it to one of: {', '.join(choices)}.")
            return default
        return value

    def integer(self, name: str, default: int, *, minimum: int, maximum: int) -> int:
        value = self.text(name, str(default))
        if not re.fullmatch("[0-9]{1,15}", value) or not minimum <= int(value) <= maximum:
            self.mistake(f"{name} is {value!r}. Set it to a whole number from {minimum} to {maximum}.")
            return default
        return int(value)

    def duration(self, name: str, default: str) -> timedelta:
        """`30m`, `12h`, `7d`; a bare number means seconds. At most ten years."""
        value = self.text(name, default)
        match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd]?)", value)
        length = timedelta(**{UNITS[match[2] or "s"]: int(match[1])}) if match else timedelta(0)
        if not timedelta(0) < length <= LONGEST_DURATION:
            self.mistake(f"{name} is {value!r}. Set it to a duration such as 30m, 12h or 7d, of at most 3650d.")
            return timedelta(0)
        return length

    def names(self, name: str) -> list[str]:
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def url(self, name: str, default: str) -> str:
        """An http or https origin; a path, query or trailing slash is a mistake or dropped."""
        value = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.path or parts.query or parts.fragment or parts.username:
            self.mistake(f"{name} is {value!r}. Set it to a URL such as https://memgraph.example.com.")
            return default
        return f"{parts.scheme}://{parts.netloc}"  # with the scheme in lower case: settings depend on it

    def mail_server(self, name: str) -> dict[str, Any]:
        """Django's EMAIL_* settings; {} if unset."""
        try:
            return parse_email_url(value) if (value := self.text(name)) else {}
        except ValueError as error:
            self.mistake(f"{name} {error}. It looks like smtp://user:password@host:587?tls=1 or smtps://...")
            return {}

    def secrets_by_id(self, name: str, *, minimum_bytes: int) -> dict[str, str]:
        """`kid:secret,kid:secret`, in order. Never repeats a secret in a message."""
        secrets: dict[str, str] = {}
        for number, item in enumerate(self.names(name), start=1):
            kid, separator, secret = item.partition(":")
            if not separator or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", kid) or kid in secrets:
                self.mistake(f"{name} must look like kid:secret,kid:secret with every kid once.")
            elif len(secret.encode()) < minimum_bytes:
                self.mistake(f"{name}: secret {number} is shorter than {minimum_bytes} bytes.")
            secrets[kid] = secret
        return secrets
