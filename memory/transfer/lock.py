from uuid import UUID

from django.db import connection

from tenants.problems import Conflict


def lock_transfers(tenant_id: UUID) -> None:
    """One export or import of a tenant at a time, on any host; the lock ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"memgraph transfer {tenant_id}"])
        (locked,) = cursor.fetchone()
    if not locked:
        raise Conflict("Another export or import of this workspace is running.", code="transfer_running")
