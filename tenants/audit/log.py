"""The audit log: one row an act, in the same transaction as the act, in a chain that shows whoever tampers with it.

Each row's MAC (HMAC-SHA256 under `AUDIT_KEYS`) covers the row and its predecessor's MAC; the head's MAC covers the
number of rows and the last row's MAC. Only the making of a tenant starts a chain: a head that is found missing later is
not made anew as a good one. Who can write to the database but lacks the key can't change, insert, swap or remove a row
unseen. Putting back an old head together with its rows, or removing a tenant with everything of it, shows only against
a head that was kept elsewhere: the log's export carries it. Rows of no tenant stand alone, each under its own MAC: that
one of them is missing can't be seen.
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
from tenants.audit.actions import Action
from tenants.authority import confirmed
from tenants.ids import new_id
from tenants.models import AuditEntry, AuditHead

COVERED = (
    "id",
    "tenant_id",
    "number",
    "at",
    "action",
    "actor_kind",
    "actor_id",
    "actor_label",
    "target_id",
    "target_label",
    "before",
    "after",
    "address",
    "agent",
    "request_id",
)
# By hand, because every act is audited, and Django's three statements took a third of a short act's time.
LOCK_HEAD: Final = Statement(
    f"SELECT {columns(AuditHead)} FROM tenants_audithead WHERE tenant_id = %(tenant_id)s FOR UPDATE"  # noqa: S608
)
INSERT: Final = f"INSERT INTO tenants_auditentry ({columns(AuditEntry)}) VALUES ({parameters(AuditEntry)})"  # noqa: S608
ADD: Final = Statement(f"{INSERT} RETURNING true")
APPEND: Final = Statement(f"""
WITH entry AS ({INSERT})
UPDATE tenants_audithead SET count = %(number)s, last_mac = %(mac)s, kid = %(head_kid)s, mac = %(head_mac)s
WHERE tenant_id = %(tenant_id)s RETURNING true
""")  # noqa: S608 - columns of ours


class Target(NamedTuple):
    """What an act was done to."""

    id: UUID | None
    label: str


NO_TARGET = Target(None, "")
# What was tried with a credential, and refused: no act, so there is no authority to confirm.
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
    """Writes the act's row. Call it last in the act's transaction: from here on the tenant's other writers wait.

    `before` and `after` hold what changed, as JSON values, and never a secret.
    """
    refuse_unconfirmed(action, actor)
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
    """A mistake of ours: an act of a credential is done by `acting`, or in a tenant's transaction, which confirm it."""
    if not connection.in_atomic_block:
        raise RuntimeError("An audit row belongs into the transaction of its act.")
    if actor.credential_id is not None and action not in OBSERVED and not confirmed.get():
        raise RuntimeError("The authority of this act was not confirmed.")


def start_chain(tenant_id: UUID) -> None:
    """For a tenant that is being made, and for no other: a good head says that there is nothing before it."""
    head = AuditHead(tenant_id=tenant_id)
    seal(head)
    head.save(force_insert=True)


def lock_head(tenant_id: UUID) -> AuditHead:
    """The tenant's other writers wait from here on. A head that was taken away is replaced by one without a MAC.

    A head of no tenant is refused by the database: nothing is left behind of a tenant that was deleted meanwhile.
    """
    rows = LOCK_HEAD.rows(tenant_id=tenant_id)
    if not rows:
        AuditHead.objects.bulk_create([AuditHead(tenant_id=tenant_id)], ignore_conflicts=True)
        rows = LOCK_HEAD.rows(tenant_id=tenant_id)
    return row_of(AuditHead, rows[0])


def append(entry: AuditEntry, head: AuditHead) -> None:
    """A head that was tampered with is not signed anew: it would make the tampering valid. But work goes on."""
    genuine = is_genuine(head)
    if not genuine:
        go_on_after_last_row(head)
    entry.number = head.count + 1
    entry.mac = entry_mac(entry, bytes(head.last_mac))
    head.count, head.last_mac = entry.number, entry.mac
    if genuine:
        seal(head)
    APPEND.rows(**values(entry), head_kid=head.kid, head_mac=head.mac)


def go_on_after_last_row(head: AuditHead) -> None:
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
    if entry.address is not None:  # PostgreSQL writes some IPv6 addresses in another way than Python
        covered["address"] = str(ip_address(entry.address))
    return mac(entry.kid, b"entry", previous, orjson.dumps(covered, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z))


def head_mac(head: AuditHead) -> bytes:
    numbers = f"{head.tenant_id} {head.count} {head.pruned}".encode()
    return mac(head.kid, b"head", numbers, bytes(head.last_mac), bytes(head.pruned_mac))


def pseudonym(tenant_id: UUID, name: str) -> str:
    """Stands in the log for an end user's id, which the log must not keep; who has the key can tell whose it is."""
    return "hmac-sha256:" + mac(signing_kid(), b"pseudonym", str(tenant_id).encode(), name.encode()).hex()


def mac(kid: str, *parts: bytes) -> bytes:
    """Over the parts with their lengths, so that no two lists of parts read the same."""
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.digest(settings.AUDIT_KEYS[kid].encode(), message, hashlib.sha256)
