"""Makes sure that authority lasts until the commit.

A request is authenticated when it begins, but its credential may be revoked before its transaction commits. So every
write confirms its authority in its transaction, with an SQL function for the kind of credential. Exceptions are an
operator's commands, the builder of derived episodes, and the updates of a credential's last use. The function takes a
shared lock on the credential (a key or a person) and on the tenant, reads both again, and raises if they no longer
allow what the route demands. A revocation takes the same lock exclusively and keeps it until its commit. So one of the
two comes first: the write commits before the revocation's response is sent, or it sees the revocation and is rolled
back.

These are advisory locks. They live in memory, whereas row locks on a busy key would be written to disk. All
transactions take their locks in one order, which prevents deadlocks: rows of memory, credentials and people, tenants,
rows of accounts, the head of the audit chain.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection, transaction

from postgres.statements import Statement, Step
from tenants.actor import Actor
from tenants.lease import authority_changes
from tenants.principal import Kind, Principal
from tenants.refusals import refusal

REFUSED: Final = "MG001"  # the SQLSTATE that our functions raise; the message is the code of the refusal
# Each returns when the credential expires, or null if it never does.
CONFIRM_SESSION: Final = Statement(
    "SELECT confirm_session(%(session_id)s::uuid, %(user_id)s::uuid, %(tenant_id)s::uuid, %(needs)s::text,"
    " %(may_be_suspended)s::boolean)"
)
CONFIRM_KEY: Final = Statement(
    "SELECT confirm_key(%(key_id)s::uuid, %(tenant_id)s::uuid, %(needs)s::text, %(address)s::inet)"
)
CONFIRM_OPERATOR: Final = Statement("SELECT confirm_operator(%(user_id)s::uuid, %(session)s::text)")
CONFIRM_TENANT: Final = Statement("SELECT confirm_tenant(%(tenant_id)s::uuid)")
EXCLUSIVE: Final = "pg_advisory_xact_lock(uuid_hash_extended(%s, 0))"
SHARED: Final = "pg_advisory_xact_lock_shared(uuid_hash_extended(%s, 0))"
IS_PAST: Final = Statement("SELECT clock_timestamp() >= %(until)s::timestamptz")
confirmed: ContextVar[bool] = ContextVar("confirmed", default=False)


def confirmation(principal: Principal) -> Step | None:
    """The statement that confirms a principal's authority. None for the anonymous principal of development mode."""
    values: dict[str, Any] = {"tenant_id": principal.tenant_id, "needs": principal.needs}
    if principal.kind is Kind.API_KEY:
        return CONFIRM_KEY, {**values, "key_id": principal.key_id, "address": principal.address}
    if principal.kind is Kind.USER:
        values |= {"session_id": principal.session_id, "user_id": principal.user_id}
        return CONFIRM_SESSION, {**values, "may_be_suspended": principal.is_deleting}
    return None


def confirm(principal: Principal | None) -> datetime | None:
    """Returns when the credential expires. Raises 401 or 403 if it no longer allows what the route demands.

    Call it as late as possible: the locks last until the transaction ends.
    """
    step = confirmation(principal) if principal else None
    return run(step) if step else None


def run(step: Step) -> datetime | None:
    statement, values = step
    with refusals():
        ((until,),) = statement.rows(**values)
    expires_at: datetime | None = until
    return expires_at


@contextmanager
def refusals() -> Iterator[None]:
    """Turns the errors that the SQL functions raise into 401 or 403."""
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.sqlstate == REFUSED:
            raise refusal(cause.diag.message_primary or "") from None
        raise


@contextmanager
def acting(
    actor: Actor, *, ends: Sequence[UUID] = (), ends_tenant: UUID | None = None, in_tenant: UUID | None = None
) -> Iterator[None]:
    """Runs an act on accounts, keys or tenants in a transaction, and allows `record` to audit it.

    `ends`: the keys and people that lose authority through the act; `ends_tenant`: the tenant that does. `in_tenant`:
    a tenant that must not be suspended, for an actor without a credential, such as someone who is signing in. Confirms
    the authority before the act, because the act may end it: for instance, a sign-out ends its own session.
    """
    with transaction.atomic():
        lock(actor, ends, ends_tenant)
        until = confirm_actor(actor)
        if in_tenant is not None:
            run((CONFIRM_TENANT, {"tenant_id": in_tenant}))
        with confirming(actor.principal, until):
            yield


@contextmanager
def confirming(principal: Principal | None, until: datetime | None) -> Iterator[None]:
    """Allows `record` while the body runs, then refuses the commit if the credential has expired."""
    before = confirmed.set(True)
    try:
        yield
    finally:
        confirmed.reset(before)
    refuse_expired(principal, until)


def refuse_expired(principal: Principal | None, until: datetime | None) -> None:
    """The last check before a commit: the act may have waited for locks, and locks don't stop the clock."""
    if until is None or principal is None:
        return
    ((is_past,),) = IS_PAST.rows(until=until)
    if is_past:
        raise refusal("key_expired" if principal.kind is Kind.API_KEY else "token_expired")


def confirm_actor(actor: Actor) -> datetime | None:
    if actor.operator_session is not None:
        return run((CONFIRM_OPERATOR, {"user_id": actor.id, "session": actor.operator_session}))
    return confirm(actor.principal)


def lock(actor: Actor, ends: Sequence[UUID], ends_tenant: UUID | None) -> None:
    """Takes all locks of an act that ends someone's authority, in one order.

    They are exclusive for what loses authority, and shared for the actor's own credential and tenant. The confirmation
    takes the actor's locks again, which costs nothing when they are held.
    """
    if not ends and ends_tenant is None:
        return
    authority_changes()  # also if the act is then refused: "already revoked" is a promise, too
    own_tenant = actor.principal.tenant_id if actor.principal else None
    wanted = [*in_order(actor.credential_id, *ends), *in_order(own_tenant, ends_tenant)]
    calls = [EXCLUSIVE if each in (*ends, ends_tenant) else SHARED for each in wanted]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(calls)}", wanted)


def in_order(*ids: UUID | None) -> list[UUID]:
    return sorted({each for each in ids if each is not None})
