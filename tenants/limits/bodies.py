"""How large a body may be, and how many values it may hold. Views name another limit where they need one.

All is small unless it says otherwise: only what holds people's texts is large. The settings import this.
"""

from typing import Any, Final

SMALL_BODY: Final = 16 * 1024
LARGE_BODY: Final = 2 * 1024 * 1024
LARGE_BATCH: Final = 16 * 1024 * 1024
LARGE_FORM: Final = 272 * 1024  # 64 Ki characters of four bytes, or 64 KiB with every byte as %41
FEW_VALUES: Final = 10_000
MANY_VALUES: Final = 200_000


def largest_body(view: Any) -> int:
    """Bytes that this view of the API reads at most."""
    return int(getattr(view, "largest_body", SMALL_BODY))


def most_values(view: Any) -> int:
    return int(getattr(view, "most_values", FEW_VALUES))
