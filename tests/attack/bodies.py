"""Bodies that cost a server as much as their sender could think of, filled up to a size, and how they are refused."""

from collections.abc import Callable
from typing import NamedTuple

MIB = 1024 * 1024
DIGITS = b"1234567890123456789"
PART = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
TEXT_PART = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
END = b"\r\n--x--\r\n"
Fill = Callable[[int], bytes]


class Nasty(NamedTuple):
    fill: Fill
    answer: tuple[int, str]


INVALID = (422, "invalid")  # read, and then not what the route asks for
TEXT = (422, "invalid_text")
NUMBER = (422, "number_out_of_range")
MALFORMED = (400, "malformed")
MANY = (413, "too_many_values")
LARGE = (413, "payload_too_large")


def filled(before: bytes, unit: bytes, after: bytes) -> Fill:
    """The unit as often as the size allows."""
    return lambda size: before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def with_values(value: bytes, text: bytes, *, each: int = 1) -> Fill:
    """Nearly as many values as are let in, and the rest of the size one text."""

    def fill(size: int) -> bytes:
        most = min((9_000 if size < 4 * MIB else 190_000) // each, size // (2 * len(value)))
        values = b"[" + b",".join([value] * most) + b"]"
        return b'{"v":' + values + b',"t":"' + text * ((size - len(values) - 20) // len(text)) + b'"}'

    return fill


TEXTS = {
    "letters": b"x",
    "19 digits": b"%b " % DIGITS,
    "18 digits": b"123456789012345678 ",
    "nothing but digits": b"9",
    "commas": b",",
    "brackets": b"[{}],",
    "backslashes": b"\\\\",
    "quotation marks": b'\\"',
    "both escaped": b'\\\\\\",',
    "no NUL": b"\\\\u0000",
    "surrogate pairs": b"\\ud83d\\ude00",
    "letters of three bytes": "\u20ac".encode(),
    "letters of four bytes": "\U0001f600".encode(),
    "ligatures": "\ufdfa".encode(),
    "combining marks": b"\\u0301",
    "line breaks": b"\\n",
}
UNKEPT = {"escaped NUL": b"\\u0000", "surrogates": b"\\ud800", "swapped pairs": b"\\ude00\\ud83d"}
UNITS = {
    "zeros": b"0,",
    "minus zeros": b"-0,",
    "integers of 19 digits": DIGITS + b",",
    "huge integers": b"9" * 30 + b",",
    "1e400": b"1e400,",
    "1e30": b"1e30,",
    "empty lists": b"[],",
    "empty objects": b"{},",
    "lists of a blank": b"[ ],",
    "small objects": b'{"a":1},',
    "empty texts": b'"",',
    "texts with commas": b'",,,,,,,,",',
    "NULs": b'"\\u0000",',
    "surrogates": b'"\\ud800",',
    "lists 1,000 deep": b"[" * 1000 + b"]" * 1000 + b",",
}
JSON: dict[str, Nasty] = {
    **{f"text of {name}": Nasty(filled(b'{"a":"', unit, b'"}'), INVALID) for name, unit in TEXTS.items()},
    **{f"text of {name}": Nasty(filled(b'{"a":"', unit, b'"}'), TEXT) for name, unit in UNKEPT.items()},
    **{f"name of {name}": Nasty(filled(b'{"', unit, b'":"\\u0000"}'), TEXT) for name, unit in TEXTS.items()},
    **{f"list of {name}": Nasty(filled(b"[", unit, b"0]"), MANY) for name, unit in UNITS.items()},
    "19 digits, zeros": Nasty(filled(b'{"t":"%b","a":[' % DIGITS, b"0,", b"0]}"), MANY),
    "19 digits, empty lists": Nasty(filled(b'{"t":"%b","a":[' % DIGITS, b"[],", b"0]}"), MANY),
    "opened lists": Nasty(filled(b"", b"[", b""), MALFORMED),
    "opened objects": Nasty(filled(b"", b'{"a":', b""), MALFORMED),
    "closed lists": Nasty(lambda size: b"[" * (size // 2) + b"]" * (size // 2), MANY),
    "members": Nasty(filled(b"{", b'"a":0,', b'"b":0}'), MANY),
    "not UTF-8 at the end": Nasty(filled(b'{"a":"', b"x", b'\xff"}'), MALFORMED),
    "not JSON at the end": Nasty(filled(b'{"a":"', b"\\\\", b'"'), MALFORMED),
    "one integer": Nasty(filled(b'{"a":', b"9", b"}"), NUMBER),
    "one fraction": Nasty(filled(b'{"a":0.', b"1", b"}"), INVALID),
    "one exponent": Nasty(filled(b'{"a":1e', b"1", b"}"), NUMBER),
    "blanks": Nasty(filled(b"", b" \n", b"0"), INVALID),
    "values, commas": Nasty(with_values(b"0", b","), INVALID),
    "values, backslashes": Nasty(with_values(b"0", b"\\\\,"), INVALID),
    "surrogates, backslashes": Nasty(with_values(b'"\\ud800"', b"\\\\"), TEXT),
    "NULs, backslashes": Nasty(with_values(b'"\\u0000"', b"\\\\,"), TEXT),
    "large floats, long integers": Nasty(with_values(b"12345678901234567890,1e30", b"\\\\,", each=2), INVALID),
    "integers beyond 64 bits": Nasty(with_values(b"99999999999999999999", b"\\\\,"), NUMBER),
    "lists 48 deep": Nasty(with_values(b"[" * 48 + b"]" * 48, b"\\\\,", each=48), INVALID),
    "objects, long integers": Nasty(with_values(b'{"a":1234567890123456789}', DIGITS, each=2), INVALID),
}
FORMS: dict[str, Nasty] = {
    "percent signs": Nasty(filled(b"text=", b"%", b""), INVALID),
    "percent signs and letters": Nasty(filled(b"text=", b"%g", b""), INVALID),
    "escapes": Nasty(filled(b"text=", b"%41", b""), INVALID),
    "escapes between letters": Nasty(filled(b"text=", b"%41a", b""), INVALID),
    "ampersands": Nasty(filled(b"", b"&", b""), MALFORMED),
    "fields": Nasty(filled(b"", b"a=b&", b""), MALFORMED),
    "999 fields of escapes": Nasty(lambda size: (b"a=" + b"%41" * ((size // 999 - 3) // 3) + b"&") * 999, INVALID),
    "a long name": Nasty(filled(b"", b"%41", b"=1"), INVALID),
    "not UTF-8": Nasty(filled(b"text=", b"%ff", b""), MALFORMED),
}
PARTS: dict[str, Nasty] = {
    "one field": Nasty(filled(TEXT_PART, b"x", END), INVALID),
    "fields": Nasty(filled(b"", PART % (b"a", b"b"), b"--x--\r\n"), MALFORMED),
    "999 fields": Nasty(lambda size: (PART % (b"a", b"b" * (size // 999 - 70))) * 999 + b"--x--\r\n", INVALID),
    "almost boundaries": Nasty(filled(TEXT_PART, b"\r\n--y", END), INVALID),
    "boundaries": Nasty(filled(b"", b"--x\r\n", b"--x--\r\n"), INVALID),
    "half boundaries": Nasty(filled(TEXT_PART, b"\r\n-", END), INVALID),
    "line breaks": Nasty(filled(TEXT_PART, b"\r\n", END), INVALID),
    "one header": Nasty(filled(b"--x\r\nContent-Disposition: form-data; name=", b"a", b"\r\n\r\nb" + END), INVALID),
    "parameters": Nasty(filled(b"--x\r\nContent-Disposition: form-data", b"; a=b", b"\r\n\r\nb" + END), INVALID),
    "open quotations": Nasty(
        filled(b"--x\r\nContent-Disposition: form-data; name=", b'"\\', b"\r\n\r\nb" + END), INVALID
    ),
    "headers": Nasty(filled(b"--x\r\n", b"a: b\r\n", b"\r\nb" + END), INVALID),
    "base64": Nasty(filled(TEXT_PART[:-2] + b"Content-Transfer-Encoding: base64\r\n\r\n", b"QUJD", END), INVALID),
    "files": Nasty(filled(b"", (PART % (b'file"; filename="a', b"b")), b"--x--\r\n"), MALFORMED),
}
