import re
from uuid import UUID

from uuid_utils.compat import uuid7

CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): sorts by creation. An identifier, never a secret."""
    return uuid7()


def parse_id(text: object) -> UUID | None:
    """Only the canonical 36 characters: `uuid.UUID` alone also takes braces, `urn:uuid:` and loose hyphens."""
    return UUID(text) if isinstance(text, str) and CANONICAL.fullmatch(text) else None
