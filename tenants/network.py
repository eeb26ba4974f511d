import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.http import HttpRequest

AGENT_LENGTH: Final = 200
# Only proxies send these. Which of them can be trusted depends on the proxy.
FORWARDING_HEADERS: Final = {
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
}
WITH_PORT: Final = re.compile(r"^(?:\[(.*)\](?::\d+)?|([\d.]+):\d+)$")  # as some proxies write it


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address: the socket's, or behind trusted proxies the entry that the outermost of them added.

    The caller can forge the entries further left in X-Forwarded-For.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXIES:
        chain = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if entry.strip()]
        # A shorter chain means that the request bypassed a proxy. Then the caller's IP address is unknown.
        address = chain[-settings.TRUSTED_PROXIES] if len(chain) >= settings.TRUSTED_PROXIES else ""
        address = WITH_PORT.sub(r"\1\2", address)
    return normalize_ip(address)


@lru_cache(4096)
def normalize_ip(text: str) -> str | None:
    """Returns None unless the text is an IP address."""
    try:
        found = ip_address(text.partition("%")[0])  # a zone is meaningless on other hosts, and PostgreSQL refuses it
    except ValueError:
        return None
    return str((found.version == 6 and found.ipv4_mapped) or found)  # a dual-stack socket maps IPv4 into IPv6


def client_agent(request: HttpRequest) -> str:
    """The User-Agent, cut to 200 characters and without control characters."""
    agent = str(request.META.get("HTTP_USER_AGENT", ""))
    return "".join(character for character in agent[:AGENT_LENGTH] if character.isprintable())


def network_of(address: str | None) -> IPv4Network | IPv6Network | None:
    """The network that limits treat as one caller: an IPv4 address or an IPv6 /64, the least a subscriber gets."""
    if address is None:
        return None
    return ip_network(address if ip_address(address).version == 4 else f"{address}/64", strict=False)
