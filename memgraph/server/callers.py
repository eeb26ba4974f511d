"""Reads from the head of a request who claims to send it. Nothing is checked yet: see `fair_pool.py`."""

import re
from collections.abc import Hashable
from typing import Final, NamedTuple

CREDENTIAL: Final = re.compile(rb"\r\n(?:x-api-key|authorization|cookie)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
FORWARDED: Final = re.compile(rb"\r\nx-forwarded-for[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
LIVE: Final = re.compile(rb"(?:GET|HEAD) /live[? ]")
PROBE: Final = re.compile(rb"(?:GET|HEAD) /(?:live|health|v1/health|metrics)[? ]")


class Caller(NamedTuple):
    credential: int | None
    address: Hashable


def caller_of(head: bytes, address: str, proxies: int) -> Caller | None:
    """The credential's hash, and the client's IP address as the outermost trusted proxy saw it."""
    if PROBE.match(head):
        return None
    found = CREDENTIAL.search(head)
    credential = hash(found[1]) if found else None  # a hash, because the credential is a secret
    if proxies and (forwarded := FORWARDED.search(head)):
        chain = forwarded[1].split(b",")
        if len(chain) >= proxies:
            return Caller(credential, chain[-proxies].strip())
    return Caller(credential, address)
