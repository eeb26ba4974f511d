"""Streams the audit log as CSV (RFC 4180), for spreadsheets and archives."""

import csv
from collections.abc import Generator, Iterable
from typing import Any, Final

import orjson

from tenants.audit.checks import Place
from tenants.models import AuditEntry

COLUMNS: Final = (*AuditEntry.COLUMNS, "mac")
HEAD: Final = "head"  # in the column `action` of the last line
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class Echo:
    """A file for csv.writer whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line


def csv_lines(entries: Iterable[AuditEntry], head: Place) -> Generator[str]:
    """Yields the column names, one line per row, and the chain's head. A file without this line is incomplete."""
    writer = csv.writer(Echo(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(COLUMNS)
    for entry in entries:
        yield writer.writerow([cell(getattr(entry, name)) for name in COLUMNS])
    last = {"number": head.number, "action": HEAD, "mac": head.mac}
    yield writer.writerow([cell(last.get(name)) for name in COLUMNS])


def cell(value: Any) -> str:
    """Returns text that no spreadsheet runs as a formula (OWASP, CSV Injection)."""
    if value is None:
        return ""
    if isinstance(value, memoryview | bytes):
        return bytes(value).hex()
    if isinstance(value, dict | list):
        text = orjson.dumps(value).decode()
    else:
        text = value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
