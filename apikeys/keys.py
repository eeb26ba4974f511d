"""The format of a key: `mg_live_`, 30 random base62 characters, 6 characters of checksum; 44 in all."""

import hashlib
import re
import secrets
import string
from typing import Final
from zlib import crc32

MARK: Final = "mg_live_"
BODY_LENGTH: Final = 30  # 178 bits
CHECKSUM_LENGTH: Final = 6
PREFIX_LENGTH: Final = 12
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
FORMAT: Final = re.compile(rf"{MARK}[0-9A-Za-z]{{{BODY_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)


def generate_key() -> str:
    body = MARK + "".join(secrets.choice(ALPHABET) for _ in range(BODY_LENGTH))
    return body + checksum(body)


def checksum(body: str) -> str:
    """CRC-32 in base62. It finds typos and chance matches without a query. It is not a security measure."""
    number = crc32(body.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def is_well_formed(text: str) -> bool:
    return bool(FORMAT.fullmatch(text)) and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]


def digest(key: str) -> bytes:
    """SHA-256, 32 bytes: all that is stored of a key.

    A plain fast hash is right here, and no salt is needed: a key has 178 random bits, so nobody can recover a key
    from its digest (OWASP ASVS 5.0, 6.5.2: over 112 bits). A password hasher would cost 0.1 s per request for nothing.
    """
    return hashlib.sha256(key.encode()).digest()
