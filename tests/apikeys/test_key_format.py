"""What a key looks like, and what doesn't look like one."""

import hashlib
import re
import string
from zlib import crc32

import pytest

from apikeys.keys import ALPHABET, BODY_LENGTH, MARK, checksum, digest, generate_key, is_well_formed

KEY = MARK + "0" * 30 + "2vRXJ5"


def base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits.rjust(6, "0")


def test_a_key_is_44_characters_of_a_known_form() -> None:
    keys = {generate_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(re.fullmatch("mg_live_[0-9A-Za-z]{36}", key) and is_well_formed(key) for key in keys)
    assert string.digits + string.ascii_uppercase + string.ascii_lowercase == ALPHABET


def test_every_letter_of_the_alphabet_is_used_in_the_body() -> None:
    bodies = "".join(generate_key()[len(MARK) : len(MARK) + BODY_LENGTH] for _ in range(500))
    assert set(bodies) == set(ALPHABET)


def test_the_checksum_is_crc32_in_base62_over_all_before_it() -> None:
    for body in (MARK + "0" * 30, MARK + "z" * 30, "", "mg_live_Zebra"):
        assert checksum(body) == base62(crc32(body.encode()))
        assert len(checksum(body)) == 6


def test_the_digest_is_sha256_of_the_whole_key() -> None:
    key = generate_key()
    assert digest(key) == hashlib.sha256(key.encode()).digest()


def spoiled(key: str) -> dict[str, str]:
    body = MARK + "A" * 30
    good = body + checksum(body)
    return {
        "empty": "",
        "mark alone": MARK,
        "cut by one": key[:-1],
        "longer by one": key + "0",
        "longer by a checksum": key + checksum(key),
        "no checksum": key[:-6],
        "lower": good.lower(),
        "upper": good.upper(),
        "newline after": key + "\n",
        "space before": " " + key,
        "space inside": key[:20] + " " + key[20:],
        "NUL after": key + "\0",
        "test key": key.replace("mg_live_", "mg_test_"),
        "other service": "sk_live_" + key[8:],
        "no mark": key[8:],
        "hyphens": key.replace("_", "-"),
        "Arabic digit": good[:10] + "\u0661" + good[11:],
        "full-width letter": good[:10] + "\uff21" + good[11:],
        "Latin-1": good[:10] + "\xc5" + good[11:],
        "Kelvin sign": good[:10] + "\u212a" + good[11:],
        "quoted": f'"{key}"',
        "two": key + key,
        "joined": f"{key},{key}",
        "Bearer": f"Bearer {key}",
        "checksum of zeros": key[:-6] + "000000",
    }


@pytest.mark.parametrize("name", spoiled(KEY))
def test_a_spoiled_key_is_not_well_formed(name: str) -> None:
    assert not is_well_formed(spoiled(generate_key())[name])


def test_every_single_mistake_and_swap_is_noticed() -> None:
    key = generate_key()
    for place in range(len(key)):
        other = "B" if key[place] != "B" else "C"
        assert not is_well_formed(key[:place] + other + key[place + 1 :])
    for place in range(len(MARK), len(key) - 1):
        swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
        assert swapped == key or not is_well_formed(swapped)
