from typing import Literal, NamedTuple

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.sessions.models import Session as OperatorSession
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from accounts.models import Session, User, normalize_address
from accounts.tokens import SessionToken
from apikeys.services import create_key
from tenants.constraints import violated_constraint
from tenants.metrics import SIGN_INS
from tenants.models import Role, Tenant
from tenants.principal import Principal
from tenants.problems import Conflict
from tenants.slots import PASSWORD_HASHING


class Onboarded(NamedTuple):
    tenant: Tenant
    user: User
    api_key: str


class SignedIn(NamedTuple):
    session: Session
    access_token: str


def onboard(*, email: str, password: str, full_name: str, cluster_name: str, sector: str = "") -> Onboarded:
    """Makes the tenant, its first admin and its first key; all or nothing. 409 `email_taken` for a known address.

    The address's unique constraint decides, so that of many at once exactly one gets it.
    """
    with PASSWORD_HASHING.take():
        hashed = make_password(password)
    try:
        with transaction.atomic():
            tenant = Tenant.objects.create(name=cluster_name, sector=sector)
            user = User.objects.create(
                tenant=tenant, email=normalize_address(email), password=hashed, full_name=full_name, role=Role.ADMIN
            )
            _, api_key = create_key(
                tenant=tenant, name="default", role=Role.EDITOR, created_by_id=user.id, created_by_label=user.email
            )
    except IntegrityError as error:
        if violated_constraint(error) != "user_email_unique":
            raise
        raise Conflict("This e-mail address has an account. Sign in instead.", code="email_taken") from None
    return Onboarded(tenant, user, api_key)


def sign_in(*, email: str, password: str, address: str | None, agent: str) -> SignedIn:
    """A session for a tenant's person. Wrong, unknown, inactive and operator: the same 401 in the same time."""
    user = User.objects.select_related("tenant").filter(email=normalize_address(email)).first()
    if not password_is_right(user, password) or user is None or user.tenant is None or not user.is_active:
        SIGN_INS.labels("refused").inc()
        raise AuthenticationFailed("The e-mail address or the password is wrong.", code="credentials_invalid")
    if user.tenant.suspended_at is not None:
        SIGN_INS.labels("suspended").inc()
        raise PermissionDenied("This workspace is suspended. Ask its operator.", code="tenant_suspended")
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        tenant=user.tenant,
        created_at=now,
        expires_at=now + settings.ACCESS_TOKEN_LIFETIME,
        ip=address,
        agent=agent,
    )
    SIGN_INS.labels("accepted").inc()
    return SignedIn(session, str(SessionToken.for_session(session)))


def password_is_right(user: User | None, password: str) -> bool:
    """Costs one hash whether or not there is such a user (ASVS 5.0, 6.3.8)."""
    with PASSWORD_HASHING.take():
        if user is None:
            make_password(password)
            return False
        return check_password(password, user.password)


def sign_out(*, principal: Principal, scope: Literal["this", "others", "all"]) -> int:
    """Ends this session, the person's others, or all. Answers how many; none of them is accepted again."""
    this = Q(id=principal.session_id)
    chosen = {"this": this, "others": ~this, "all": Q()}[scope]
    sessions = Session.objects.filter(chosen, user_id=principal.id).unended()
    return sessions.update(ended_at=timezone.now())


def end_session(*, session: Session) -> Session:
    now = timezone.now()
    if Session.objects.for_tenant(session.tenant_id).unended().filter(id=session.id).update(ended_at=now):
        session.ended_at = now
    return session


def deactivate_user(*, user: User) -> User:
    """Nobody is signed in as this person from here on. 409 `last_admin` where it would leave a tenant without one."""
    with transaction.atomic():
        refuse_last_of_kind(user)
        User.objects.filter(id=user.id).update(is_active=False)
        end_all_sessions(user)
    user.is_active = False
    return user


def reactivate_user(*, user: User) -> User:
    """What a sign-in that overlapped the deactivation left behind is ended here: the person signs in anew."""
    with transaction.atomic():
        if User.objects.filter(id=user.id, is_active=False).update(is_active=True):
            end_all_sessions(user)
    user.is_active = True
    return user


def refuse_last_of_kind(user: User) -> None:
    """Locks the active admins of the tenant, so that of two who would be the last to go, one stays.

    Operators are held to the same: somebody has to be able to reactivate the others.
    """
    if user.role != Role.ADMIN and not user.is_staff:
        return
    peers = User.objects.filter(tenant_id=user.tenant_id, role=user.role, is_staff=user.is_staff, is_active=True)
    if list(peers.select_for_update(no_key=True).order_by("id").values_list("id", flat=True)) != [user.id]:
        return
    if user.is_staff:
        raise Conflict("This is the last active operator. Make another one first.", code="last_operator")
    raise Conflict("This is the tenant's last active admin. It needs another one first.", code="last_admin")


def end_all_sessions(user: User) -> None:
    Session.objects.filter(user=user).unended().update(ended_at=timezone.now())
    if user.is_staff:
        for session in OperatorSession.objects.all():
            if session.get_decoded().get(SESSION_KEY) == str(user.id):
                session.delete()
