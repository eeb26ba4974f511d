from typing import Final, Literal, NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from accounts.limits import ONBOARDINGS_BY_IP, Guess, audit_refusal, refuse_many_sessions
from accounts.models import Session, User, normalize_address
from accounts.tokens import SessionToken
from apikeys.services import create_key
from postgres.columns import columns, parameters, values
from postgres.pipeline import in_one_trip
from postgres.statements import Statement
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record, start_chain
from tenants.authority import acting
from tenants.constraints import violated_constraint
from tenants.lease import authority_changes
from tenants.limits.limit import enforce
from tenants.limits.slots import PASSWORD_HASHING
from tenants.metrics import SIGN_INS
from tenants.models import Role, Tenant
from tenants.network import network_of
from tenants.principal import Principal
from tenants.problems import Conflict
from tenants.refusals import refusal

MOST_SESSIONS: Final = 50  # per user
OPEN: Final = Statement(f"""
WITH person AS (
    SELECT FROM accounts_user WHERE id = %(user_id)s AND password = %(password)s AND is_active FOR NO KEY UPDATE
)
INSERT INTO accounts_session ({columns(Session)}) SELECT {parameters(Session)} FROM person RETURNING id
""")  # noqa: S608 - our own column names
# Ends all but the user's 50 most recently seen sessions.
END_IDLEST: Final = Statement("""
UPDATE accounts_session SET ended_at = %(now)s WHERE id IN (
    SELECT id FROM accounts_session WHERE user_id = %(user)s::uuid AND ended_at IS NULL
    ORDER BY coalesce(last_seen_at, created_at) DESC, id DESC OFFSET %(most)s::int
) RETURNING id
""")


class Onboarded(NamedTuple):
    tenant: Tenant
    user: User
    api_key: str


class SignedIn(NamedTuple):
    session: Session
    access_token: str


def onboard(
    *, email: str, password: str, full_name: str, cluster_name: str, sector: str = "", actor: Actor
) -> Onboarded:
    """Creates the tenant, its first admin and its first key, in one transaction. The user who onboards becomes admin.

    409 `email_taken` if the e-mail address has an account. The unique constraint decides, so only one of several
    parallel calls succeeds. 403 `signup_closed` if `SIGNUP=invite`.
    """
    if settings.SIGNUP == "invite":
        sentence = "New accounts are by invitation only. Ask an admin of your workspace, or the operator."
        raise PermissionDenied(sentence, code="signup_closed")
    enforce(ONBOARDINGS_BY_IP, str(network_of(actor.address)))
    with PASSWORD_HASHING.take(network_of(actor.address)):
        hashed = make_password(password)
    try:
        with acting(actor):
            tenant = Tenant.objects.create(name=cluster_name, sector=sector)
            start_chain(tenant.id)
            user = User.objects.create(
                tenant=tenant, email=normalize_address(email), password=hashed, full_name=full_name, role=Role.ADMIN
            )
            actor = actor.as_user(user.id, user.email)
            _, api_key = create_key(tenant_id=tenant.id, name="default", role=Role.EDITOR, actor=actor)
            after = {"name": tenant.name, "sector": tenant.sector, "admin": user.email}
            record(
                Action.TENANT_CREATED,
                actor=actor,
                tenant_id=tenant.id,
                target=Target(tenant.id, tenant.name),
                after=after,
            )
    except IntegrityError as error:
        if violated_constraint(error) != "user_email_unique":
            raise
        raise email_taken() from None
    return Onboarded(tenant, user, api_key)


def email_taken(advice: str = "Sign in instead.") -> Conflict:
    return Conflict(f"This e-mail address has an account. {advice}", code="email_taken")


def sign_in(*, email: str, password: str, actor: Actor) -> SignedIn:
    """Starts a member's session. 403 `tenant_suspended`.

    A wrong password, an unknown or inactive account and an operator's account get the same 401 after the same time. The
    guess is counted while a hashing slot is held, so only a few correct guesses are ever counted at the same time, and
    they can't cause a lockout.
    """
    email = normalize_address(email)
    user = User.objects.select_related("tenant").filter(email=email).first()
    refuse_many_sessions(email)
    with PASSWORD_HASHING.take(network_of(actor.address)):
        guess = Guess.begin(email=email, user=user, actor=actor)
        right = password_is_right(user, password)
    if not right or user is None or user.tenant is None or not user.is_active:
        audit_refusal(user, email, actor)
        raise wrong_credentials(email)
    guess.take_back()
    if user.tenant.suspended_at is not None:
        audit_refusal(user, email, actor)
        raise refusal("tenant_suspended")
    session = start_session(user, user.tenant, actor)
    SIGN_INS.labels("accepted").inc()
    return SignedIn(session, str(SessionToken.for_session(session)))


def wrong_credentials(email: str) -> AuthenticationFailed:
    sentence = "The e-mail address or the password is wrong."
    if " " in email:  # depends only on the input, so it reveals nothing about accounts
        sentence += " The e-mail address has a space in it: in a form, send + as %2B."
    return AuthenticationFailed(sentence, code="credentials_invalid")


def start_session(user: User, tenant: Tenant, actor: Actor) -> Session:
    """401 if the password was changed, or the user deactivated or removed, after the password was checked.

    The INSERT checks this under a lock of the user's row. Beyond 50 sessions, the least recently seen ones end.
    """
    now = timezone.now()
    session = Session(
        user=user,
        tenant=tenant,
        created_at=now,
        expires_at=now + settings.ACCESS_TOKEN_LIFETIME,
        last_seen_at=now,
        sign_in_ip=actor.address,
        ip=actor.address,
        agent=actor.agent,
    )
    with acting(actor, in_tenant=tenant.id):
        opened, ended = in_one_trip(
            (OPEN, {**values(session), "password": user.password}),
            (END_IDLEST, {"user": user.id, "now": now, "most": MOST_SESSIONS}),
        )
        if not opened:
            raise wrong_credentials(user.email)
        if ended:
            authority_changes()
        actor, after = actor.as_user(user.id, user.email), {"sessions_ended": len(ended)} if ended else None
        record(Action.SIGN_IN_ACCEPTED, actor=actor, tenant_id=tenant.id, target=Target(session.id, ""), after=after)
    return session


def password_is_right(user: User | None, password: str) -> bool:
    """Computes one hash whether or not the user exists, so that both take the same time (ASVS 5.0, 6.3.8)."""
    if user is None:
        make_password(password)
        return False
    return check_password(password, user.password)


def sign_out(*, principal: Principal, scope: Literal["this", "others", "all"], actor: Actor) -> int:
    """Ends this session, the user's other sessions, or all of them. Returns how many."""
    this = Q(id=principal.session_id)
    chosen = {"this": this, "others": ~this, "all": Q()}[scope]
    with acting(actor, ends=[principal.id]):
        ended = Session.objects.filter(chosen, user_id=principal.id).unended().update(ended_at=timezone.now())
        target, after = Target(principal.id, principal.label), {"scope": scope, "sessions": ended}
        record(Action.SESSIONS_ENDED, actor=actor, tenant_id=principal.tenant_id, target=target, after=after)
    return ended
