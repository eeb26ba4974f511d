"""Authority holds until the commit.

A request is authenticated when it begins, and its credential may be revoked before its transaction commits. So every
write confirms its authority last of all, by an SQL function of the credential's kind: it takes a shared lock on the
credential (a key or a person) and on the tenant, then reads both again, and raises if they no longer allow what the
route demands. A revocation takes the same lock exclusively and keeps it until its commit. So one of the two comes
first: the write commits before the revocation is answered, or it sees the revocation and is rolled back.

The locks are advisory: they live in memory, where row locks on a busy key would be written to disk. All transactions
take their locks in one order, which prevents deadlocks: rows of memory, credentials and people, tenants, rows of
accounts, the head of the audit chain.
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
from tenants.principal import Kind, Principal
from tenants.refusals import refusal

REFUSED: Final = "MG001"  # the SQLSTATE of our functions; the message is the refusal's code
# Each answers when the credential expires, null for never.
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
    """What confirms a principal's authority, as a step of a round trip. None for development mode's anonymous one."""
    values: dict[str, Any] = {"tenant_id": principal.tenant_id, "needs": principal.needs}
    if principal.kind is Kind.API_KEY:
        return CONFIRM_KEY, {**values, "key_id": principal.key_id, "address": principal.address}
    if principal.kind is Kind.USER:
        values |= {"session_id": principal.session_id, "user_id": principal.user_id}
        return CONFIRM_SESSION, {**values, "may_be_suspended": principal.is_deleting}
    return None


def confirm(principal: Principal | None) -> datetime | None:
    """Answers when the credential expires. Raises 401 or 403 if it no longer allows what the route demands.

    Call it when the rows are written: the locks last until the transaction's end.
    """
    step = confirmation(principal) if principal else None
    return run(step) if step else None


def run(step: Step) -> datetime | None:
    statement, values = step
    with refusals():
        ((until,),) = statement.rows(**values)
    answer: datetime | None = until
    return answer


@contextmanager
def refusals() -> Iterator[None]:
    """Turns what the functions raise into the answer of a request."""
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
    """The transaction of an act on accounts, keys or tenants, which `record` writes to the audit log.

    `ends`: the keys and people that lose authority by it; `ends_tenant`: the tenant that does. `in_tenant`: a tenant
    that must be open, for an actor whose credential doesn't tell: somebody who is signing in. The authority is
    confirmed before the act, because the act may take it away: a person who signs out may do so.
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
    """All locks of an act that ends somebody's authority, in one order: the actor's own are shared.

    A confirmation takes the actor's own locks as well, which costs nothing when they are held.
    """
    if not ends and ends_tenant is None:
        return
    own_tenant = actor.principal.tenant_id if actor.principal else None
    wanted = [*in_order(actor.credential_id, *ends), *in_order(own_tenant, ends_tenant)]
    calls = [EXCLUSIVE if each in (*ends, ends_tenant) else SHARED for each in wanted]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(calls)}", wanted)


def in_order(*ids: UUID | None) -> list[UUID]:
    return sorted({each for each in ids if each is not None})
