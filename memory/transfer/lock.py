from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection

from tenants.limits.slots import TRANSFERS
from tenants.problems import Conflict


def lock_name(tenant_id: UUID) -> str:
    return f"memgraph transfer {tenant_id}"


@contextmanager
def only_transfer(tenant_id: UUID) -> Iterator[None]:
    """Allows one export or import per tenant on all hosts (409), and as many in this worker as there are slots (503).

    The lock ends with the transaction. It comes before the slot, so that every worker refuses a second one with 409.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [lock_name(tenant_id)])
        (locked,) = cursor.fetchone()
    if not locked:
        raise Conflict("Another export or import of this workspace is running.", code="transfer_running")
    with TRANSFERS.take(tenant_id):
        yield
