"""Writes the audit log: one row per act, in the act's transaction, in a chain that reveals tampering.

Each row's MAC (HMAC-SHA256 under `AUDIT_KEYS`) covers the row and the MAC of the row before it. The head's MAC covers
the number of rows, the last row's MAC and the checkpoint. Only a new tenant starts a chain: a head that is missing
later is never replaced by a valid one. So an attacker who can write to the database, but lacks the key, can't change,
insert, swap or remove a row undetected. Two attacks are detected only by comparing with a head that was kept elsewhere,
such as the one in an export of the log: restoring an old head with its rows, and removing a tenant with all its rows.
Rows without a tenant are not chained. Each has its own MAC, so a missing row can't be detected.
"""

import hashlib
import hmac
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from postgres.columns import columns, parameters, row_of, values
from postgres.statements import Statement
from tenants.actor import Actor
from tenants.audit.actions import CHANGES_AUTHORITY, Action
from tenants.authority import confirmed
from tenants.ids import new_id
from tenants.lease import authority_changes
from tenants.models import AuditEntry, AuditHead

COVERED = ("id", "tenant_id", *AuditEntry.COLUMNS)
# Raw SQL, because every act is audited, and the ORM's three statements took a third of a short act's time.
LOCK_HEAD: Final = Statement(
    f"SELECT {columns(AuditHead)} FROM tenants_audithead WHERE tenant_id = %(tenant_id)s FOR UPDATE"  # noqa: S608
)
INSERT: Final = f"INSERT INTO tenants_auditentry ({columns(AuditEntry)}) VALUES ({parameters(AuditEntry)})"  # noqa: S608
ADD: Final = Statement(f"{INSERT} RETURNING true")
APPEND: Final = Statement(f"""
WITH entry AS ({INSERT})
UPDATE tenants_audithead SET count = %(number)s, last_mac = %(mac)s, kid = %(head_kid)s, mac = %(head_mac)s
WHERE tenant_id = %(tenant_id)s RETURNING true
""")  # noqa: S608 - our own column names


class Target(NamedTuple):
    """The object of an act."""

    id: UUID | None
    label: str


NO_TARGET = Target(None, "")
# Refused attempts. They change nothing, so there is no authority to confirm.
OBSERVED = (Action.SIGN_IN_REFUSED, Action.SIGN_IN_LOCKED, Action.TENANT_MISMATCH)


def record(
    action: Action,
    *,
    actor: Actor,
    tenant_id: UUID | None,
    target: Target = NO_TARGET,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Writes the act's row. Call it last in the act's transaction: other acts in the tenant wait until the commit.

    `before` and `after` hold what changed, as JSON values, and never a secret.
    """
    refuse_unconfirmed(action, actor)
    if action in CHANGES_AUTHORITY:
        authority_changes()
    entry = AuditEntry(
        id=new_id(),
        tenant_id=tenant_id,
        action=action,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:254],
        target_id=target.id,
        target_label=target.label[:254],
        before=before,
        after=after,
        address=actor.address,
        agent=actor.agent,
        request_id=actor.request_id,
        kid=signing_kid(),
    )
    if tenant_id is None:
        entry.mac = entry_mac(entry, b"")
        ADD.rows(**values(entry))
    else:
        append(entry, lock_head(tenant_id))


def refuse_unconfirmed(action: Action, actor: Actor) -> None:
    """Catches programming errors: `acting` or a tenant's transaction must have confirmed the credential."""
    if not connection.in_atomic_block:
        raise RuntimeError("An audit row must be written in the transaction of its act.")
    if actor.credential_id is not None and action not in OBSERVED and not confirmed.get():
        raise RuntimeError("The authority of this act was not confirmed.")


def start_chain(tenant_id: UUID) -> None:
    """Call it only for a new tenant: a valid head asserts that there are no earlier rows."""
    head = AuditHead(tenant_id=tenant_id)
    seal(head)
    head.save(force_insert=True)


def lock_head(tenant_id: UUID) -> AuditHead:
    """Locks the tenant's chain until the commit. `verify_audit` reports a missing head: its replacement has no MAC.

    If the tenant was deleted meanwhile, a foreign key refuses the commit, so no rows are left behind.
    """
    rows = LOCK_HEAD.rows(tenant_id=tenant_id)
    if not rows:
        AuditHead.objects.bulk_create([AuditHead(tenant_id=tenant_id)], ignore_conflicts=True)
        rows = LOCK_HEAD.rows(tenant_id=tenant_id)
    return row_of(AuditHead, rows[0])


def append(entry: AuditEntry, head: AuditHead) -> None:
    """Doesn't sign a head that was tampered with, because that would make it valid. Appends rows all the same."""
    genuine = is_genuine(head)
    if not genuine:
        continue_after_last_row(head)
    entry.number = head.count + 1
    entry.mac = entry_mac(entry, bytes(head.last_mac))
    head.count, head.last_mac = entry.number, entry.mac
    if genuine:
        seal(head)
    APPEND.rows(**values(entry), head_kid=head.kid, head_mac=head.mac)


def continue_after_last_row(head: AuditHead) -> None:
    numbered = AuditEntry.objects.filter(tenant_id=head.tenant_id, number__isnull=False)
    last = numbered.order_by("-number").first()
    head.count, head.last_mac = ((last.number or 0), last.mac) if last else (0, b"")


def seal(head: AuditHead) -> None:
    head.kid = signing_kid()
    head.mac = head_mac(head)


def is_genuine(head: AuditHead) -> bool:
    return head.kid in settings.AUDIT_KEYS and hmac.compare_digest(head_mac(head), bytes(head.mac))


def signing_kid() -> str:
    kid: str = next(iter(settings.AUDIT_KEYS))
    return kid


def entry_mac(entry: AuditEntry, previous: bytes) -> bytes:
    covered = {name: getattr(entry, name) for name in COVERED}
    if entry.address is not None:  # PostgreSQL formats some IPv6 addresses differently from Python
        covered["address"] = str(ip_address(entry.address))
    return mac(entry.kid, b"entry", previous, orjson.dumps(covered, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z))


def head_mac(head: AuditHead) -> bytes:
    numbers = f"{head.tenant_id} {head.count} {head.pruned}".encode()
    return mac(head.kid, b"head", numbers, bytes(head.last_mac), bytes(head.pruned_mac))


def pseudonym(tenant_id: UUID, name: str) -> str:
    """Replaces an end user's id, which the log must not store. It can't be traced to a user without the audit key."""
    return "hmac-sha256:" + mac(signing_kid(), b"pseudonym", str(tenant_id).encode(), name.encode()).hex()


def mac(kid: str, *parts: bytes) -> bytes:
    """HMAC-SHA256 over the parts with their lengths, so that different lists of parts are different messages."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.digest(settings.AUDIT_KEYS[kid].encode(), message, hashlib.sha256)
