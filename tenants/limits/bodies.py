"""How large a body may be, and how many values it may have. A view can set its own limits.

The defaults are small: only bodies with people's texts may be large. The settings import this module.
"""

from typing import Any, Final

SMALL_BODY: Final = 16 * 1024
LARGE_BODY: Final = 2 * 1024 * 1024
LARGE_BATCH: Final = 16 * 1024 * 1024
LARGE_FORM: Final = 272 * 1024  # 64 Ki characters of four bytes each, or 64 KiB with every byte escaped as %41
FEW_VALUES: Final = 10_000
MANY_VALUES: Final = 200_000


def largest_body(view: Any) -> int:
    """The largest body that this API view reads, in bytes."""
    return int(getattr(view, "largest_body", SMALL_BODY))


def most_values(view: Any) -> int:
    return int(getattr(view, "most_values", FEW_VALUES))
