"""Limits on sign-ins, onboarding, password resets, links and invitations. The policy is in `docs/security.md`."""

from datetime import timedelta
from math import ceil
from typing import Final, NamedTuple, Self

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from postgres.statements import Statement
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.limits.limit import Limit, Usage, count, forgive, over, refund
from tenants.metrics import SIGN_INS
from tenants.models import AuditEntry, Counter
from tenants.network import network_of

SIGN_INS_BY_ADDRESS_AND_IP: Final = Limit("sign-ins by address and ip", 10, 300, growing=True)
SIGN_INS_BY_IP: Final = Limit("sign-ins by ip", 50, 300, growing=True)
SIGN_INS_IN_ALL: Final = Limit("sign-ins", 1000, 300)
STRANGERS_SIGN_INS: Final = Limit("sign-ins by address and ip, while many fail", 1, 60)
SIGN_INS_BY_PERSON: Final = Limit("sign-ins by person", 30, 60)  # successful ones
DUMMY_CHAIN: Final = bytes(32)
KNOWN_FOR: Final = timedelta(days=90)
# Seconds since the user's 30th newest session began. Hand-written, because the ORM takes a millisecond.
MANY_SESSIONS: Final = Statement("""
SELECT extract(epoch FROM clock_timestamp() - s.created_at)::float8
FROM accounts_user u JOIN accounts_session s ON s.user_id = u.id
WHERE u.email = %(email)s ORDER BY s.id DESC OFFSET %(before)s::int LIMIT 1
""")
SIGNED_IN: Final = Statement("""
SELECT true FROM accounts_user u JOIN accounts_session s ON s.user_id = u.id
WHERE u.email = %(email)s AND s.created_at > %(since)s AND s.sign_in_ip BETWEEN %(first)s AND %(last)s LIMIT 1
""")
UPDATE_DUMMY: Final = Statement("UPDATE tenants_counter SET hits = 0 WHERE name = %(name)s RETURNING true")

ONBOARDINGS_BY_IP: Final = Limit("onboardings by ip", 60, 3600)
RESETS_BY_ADDRESS: Final = Limit("password resets by address", 5, 3600)
RESETS_BY_IP: Final = Limit("password resets by ip", 30, 3600)
LINKS_BY_IP: Final = Limit("links used by ip", 60, 300)
INVITATIONS_BY_TENANT: Final = Limit("invitations by tenant", 50, 3600)


class Guess(NamedTuple):
    """One password guess. It is counted before the password is checked, so parallel guesses can't exceed the limit."""

    counted: list[tuple[Limit, str]]

    @classmethod
    def begin(cls, *, email: str, user: User | None, actor: Actor) -> Self:
        """Counts a guess. Raises 429 if it is over a limit.

        A pair is an e-mail address and a network. A pair that signed in within 90 days is subject only to its own
        limit. For all other pairs, the limits of the network and of the whole installation apply as well. While the
        installation is over its limit, each of these pairs has one guess per minute, so a correct password is still
        accepted during an attack.
        """
        guess, here = cls([]), pair(email, actor)
        guess.add(SIGN_INS_BY_ADDRESS_AND_IP, here, email=email, user=user, actor=actor)
        if not signed_in_from_here(email, user, actor):
            guess.add(SIGN_INS_BY_IP, str(network_of(actor.address)), email=email, user=user, actor=actor)
            in_all = count(SIGN_INS_IN_ALL, "")
            guess.counted.append((SIGN_INS_IN_ALL, ""))
            if in_all.hits > SIGN_INS_IN_ALL.most:
                audit_lockout(SIGN_INS_IN_ALL, in_all, email=email, user=user, actor=actor)
                guess.add(STRANGERS_SIGN_INS, here, email=email, user=user, actor=actor)
        return guess

    def add(self, limit: Limit, subject: str, *, email: str, user: User | None, actor: Actor) -> None:
        usage = count(limit, subject)
        if usage.hits > limit.most:
            self.take_back()
            if limit.growing:
                audit_lockout(limit, usage, email=email, user=user, actor=actor)
            raise over(limit, usage)
        self.counted.append((limit, subject))

    def take_back(self) -> None:
        """For a correct password, and for a guess that was refused before the password was checked."""
        for limit, subject in self.counted:
            refund(limit, subject)


def pair(email: str, actor: Actor) -> str:
    return f"{email} {network_of(actor.address)}"


def forgive_guesses(*, email: str, actor: Actor) -> None:
    """Clears the guesses and the lockout of this e-mail address and network, after a password reset."""
    forgive(SIGN_INS_BY_ADDRESS_AND_IP, pair(email, actor))


def signed_in_from_here(email: str, user: User | None, actor: Actor) -> bool:
    """Runs the same query for a member and for an unknown e-mail address, so that its time reveals nothing.

    Operators have no API sessions, so their audit rows are searched instead.
    """
    network = network_of(actor.address)
    if network is None:
        return False
    here, since = (str(network[0]), str(network[-1])), timezone.now() - KNOWN_FOR
    if user is not None and user.is_staff:
        signed_in = AuditEntry.objects.filter(tenant_id=None, action=Action.SIGN_IN_ACCEPTED, actor_id=user.id)
        return signed_in.filter(at__gt=since, address__range=here).exists()
    return bool(SIGNED_IN.rows(email=email, since=since, first=here[0], last=here[1]))


def refuse_many_sessions(email: str) -> None:
    """429 after 30 sign-ins in a minute, because checking a correct password costs as much as checking a wrong one.

    Runs the same query whether or not the account exists.
    """
    limit = SIGN_INS_BY_PERSON
    for (seconds,) in MANY_SESSIONS.rows(email=email, before=limit.most - 1):
        if seconds < limit.seconds:
            raise over(limit, Usage(limit.most + 1, ceil(limit.seconds - seconds)))


def audit_lockout(limit: Limit, usage: Usage, *, email: str, user: User | None, actor: Actor) -> None:
    """Only the call that starts a lockout sees `most + 1` hits, so each lockout is audited once."""
    SIGN_INS.labels("locked").inc()
    if usage.hits != limit.most + 1:
        return
    known = user if limit is SIGN_INS_BY_ADDRESS_AND_IP else None
    target = Target(known.id if known else None, email)
    after = {"limit": limit.name, "seconds": usage.seconds_left}
    with transaction.atomic():
        tenant_id = known.tenant_id if known else None
        record(Action.SIGN_IN_LOCKED, actor=actor, tenant_id=tenant_id, target=target, after=after)


def update_dummy_chain() -> None:
    """Locks and writes one row, as an append to a tenant's audit chain does, so that both take the same time."""
    if not UPDATE_DUMMY.rows(name=DUMMY_CHAIN):
        row = Counter(name=DUMMY_CHAIN, hits=0, ends_at=timezone.now() + timedelta(days=36500))
        Counter.objects.bulk_create([row], ignore_conflicts=True)


def audit_refusal(user: User | None, email: str, actor: Actor) -> None:
    """Without a tenant, a dummy chain is updated too, so that the time doesn't reveal whether the account exists."""
    SIGN_INS.labels("refused").inc()
    tenant_id = user.tenant_id if user else None
    with transaction.atomic():
        if tenant_id is None:
            update_dummy_chain()
        target = Target(user.id if user else None, email)
        record(Action.SIGN_IN_REFUSED, actor=actor, tenant_id=tenant_id, target=target)
