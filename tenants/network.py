from ipaddress import IPv6Address, ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest

AGENT_LENGTH: Final = 200


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address: the socket's, or with trusted proxies the entry that the outermost of them wrote.

    Entries further left in X-Forwarded-For are whatever the caller chose to send.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        chain = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if entry.strip()]
        if len(chain) >= settings.TRUSTED_PROXIES:
            address = chain[-settings.TRUSTED_PROXIES]
    try:
        parsed = ip_address(address.partition("%")[0])  # a zone means nothing elsewhere, and PostgreSQL refuses it
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None  # IPv4 on a socket that listens on both
    return str(mapped or parsed)


def client_agent(request: HttpRequest) -> str:
    """The User-Agent, cut to 200 characters and without control characters."""
    agent = str(request.META.get("HTTP_USER_AGENT", ""))
    return "".join(character for character in agent[:AGENT_LENGTH] if character.isprintable())
