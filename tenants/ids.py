import re
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7), which sorts by time of creation. An identifier, never a secret."""
    return uuid7()


def new_ids(number: int) -> list[str]:
    """Returns ids as text, which takes a ninth of the time of creating UUID objects."""
    return [str(uuid_utils.uuid7()) for _ in range(number)]


def parse_id(text: object) -> UUID | None:
    """Accepts only the canonical 36 characters. `uuid.UUID` also accepts braces, `urn:uuid:` and misplaced hyphens."""
    return UUID(text) if isinstance(text, str) and CANONICAL.fullmatch(text) else None
