"""Transactions on one tenant's memory.

`tenant.py` opens them and sets row-level security. `changes.py` keeps the counts that each one writes at its end.
"""

from memory.transactions.tenant import (
    again_after_deadlock,
    at_the_end,
    in_tenant_trip,
    read_in_tenant_trip,
    tenant_transaction,
)

__all__ = ["again_after_deadlock", "at_the_end", "in_tenant_trip", "read_in_tenant_trip", "tenant_transaction"]
