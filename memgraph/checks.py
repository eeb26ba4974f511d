"""Checks for settings that contradict each other or are unsafe. `python -m memgraph` refuses to start on an error."""

import os
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_development_stays_local(**kwargs: Any) -> list[CheckMessage]:
    if settings.DEVELOPMENT and not is_loopback(settings.HOST):
        return [
            Error(
                f"MEMGRAPH_ENV=development lets anybody in as an admin, and HOST is {settings.HOST}.",
                hint="Set HOST=127.0.0.1, or MEMGRAPH_ENV=production.",
                id="memgraph.E001",
            )
        ]
    return []


def check_no_wildcard_host(**kwargs: Any) -> list[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        return [
            Error(
                "ALLOWED_HOSTS contains *, so any client could choose the host name in our responses.",
                hint="Name the hosts, separated by commas, or leave ALLOWED_HOSTS unset and set PUBLIC_URL.",
                id="memgraph.E002",
            )
        ]
    return []


def check_public_url_is_https(**kwargs: Any) -> list[CheckMessage]:
    if not settings.HTTPS and not is_loopback(urlsplit(settings.PUBLIC_URL).hostname or ""):
        return [
            checks.Warning(
                f"PUBLIC_URL is {settings.PUBLIC_URL}: keys, passwords and cookies cross the network in the clear.",
                hint="Put a proxy with TLS in front and set PUBLIC_URL to its https URL.",
                id="memgraph.W001",
            )
        ]
    return []


def check_redis_is_not_expected(**kwargs: Any) -> list[CheckMessage]:
    if "REDIS_URL" in os.environ:
        return [
            checks.Warning(
                "REDIS_URL is set, but no longer used: PostgreSQL counts the limits.",
                hint="Remove it from the environment.",
                id="memgraph.W002",
            )
        ]
    return []


CHECKS_OF_SETTINGS: Final[list[Callable[..., list[CheckMessage]]]] = [
    check_development_stays_local,
    check_no_wildcard_host,
    check_public_url_is_https,
    check_redis_is_not_expected,
]
