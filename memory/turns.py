"""Heavy calls on the memory take turns: see `tenants/slots.py`."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final
from uuid import UUID

from tenants.slots import HEAVY_CALLS

LARGE: Final = 16 * 1024  # bytes of a batch or a text; less than that costs about what one row costs


def turn(tenant_id: UUID, *, size: int) -> AbstractContextManager[None]:
    """For writing so many bytes: a large call has a slot while it is read, checked and written."""
    return HEAVY_CALLS.take(tenant_id) if size > LARGE else nullcontext()
