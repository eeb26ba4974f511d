"""Changing a password, and getting back in without it."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError

from accounts.limits import LINKS_BY_IP, RESETS_BY_ADDRESS, RESETS_BY_IP, Guess, forgive_guesses, note_refusal
from accounts.links import digest, generate_token, link_invalid, reset_link
from accounts.mail import in_background, mail_reset_link
from accounts.models import OperatorSession, ResetToken, Session, User, normalize_address
from tenants.actions import Action
from tenants.actor import Actor, ActorKind
from tenants.audit import Target, record
from tenants.authority import acting
from tenants.limits import count, enforce
from tenants.network import network_of
from tenants.principal import Principal
from tenants.problems import Conflict
from tenants.refusals import refusal
from tenants.slots import PASSWORD_HASHING

LINK_LIFETIME: Final = timedelta(hours=1)


class ResetLink(NamedTuple):
    link: str
    expires_at: datetime


def refuse_bad_password(password: str, person: User, *, field: str = "password") -> None:
    try:
        validate_password(password, person)
    except DjangoValidationError as error:
        faults = [ErrorDetail(fault.messages[0], code=fault.code or "invalid") for fault in error.error_list]
        raise ValidationError({field: faults}) from None


def change_password(*, principal: Principal, current_password: str, new_password: str, actor: Actor) -> int:
    """Ends the person's other sessions, and answers how many. Guessing the current one is limited as at sign-in."""
    user = own_user(principal)
    passwords = {"current_password": current_password, "new_password": new_password}
    return change_own_password(user=user, but=principal.session_id, actor=actor, **passwords)


def change_own_password(
    *, user: User, current_password: str, new_password: str, but: UUID | str | None, actor: Actor
) -> int:
    """The same for a tenant's person and an operator. `but` is the session that goes on: its id, or its stored key."""
    refuse_bad_password(new_password, user, field="new_password")
    with PASSWORD_HASHING.take(user.tenant_id or user.id):
        guess = Guess.begin(email=user.email, user=user, actor=actor)
        right = check_password(current_password, user.password)
        hashed = make_password(new_password) if right else ""
    if not right:
        note_refusal(user, user.email, actor)
        raise password_wrong()
    guess.take_back()
    with acting(actor, ends=[user.id]):
        if not set_password(user, hashed):
            raise password_wrong()
        ended = end_sessions(user.id, but=but)
        after = {"sessions_ended": ended}
        target = Target(user.id, user.email)
        record(Action.PASSWORD_CHANGED, actor=actor, tenant_id=user.tenant_id, target=target, after=after)
    user.password = hashed
    return ended


def replace_password(*, user: User, new_password: str, actor: Actor) -> int:
    """Without the current one, by an operator at the command line. Ends all sessions, and answers how many."""
    refuse_bad_password(new_password, user)
    hashed = make_password(new_password)
    with acting(actor, ends=[user.id]):
        User.objects.filter(id=user.id).update(password=hashed)
        withdraw_reset_links(user.id)
        ended = end_sessions(user.id)
        target, after = Target(user.id, user.email), {"sessions_ended": ended}
        record(Action.PASSWORD_CHANGED, actor=actor, tenant_id=user.tenant_id, target=target, after=after)
    return ended


def own_user(principal: Principal) -> User:
    """The row of a signed-in person. 401 if it was deleted since the session was read."""
    user: User | None = User.objects.select_related("tenant").filter(id=principal.user_id).first()
    if user is None:
        raise refusal("session_ended")
    return user


def password_wrong() -> ValidationError:
    return ValidationError({"current_password": [ErrorDetail("This is not your password.", code="password_wrong")]})


def set_password(user: User, hashed: str) -> bool:
    """False if the password was changed, or the person deactivated, since `user` was read. Locks the person's row:
    a sign-in with the old password that is under way sees the change (see `start_session`)."""
    unchanged = User.objects.filter(id=user.id, password=user.password, is_active=True)
    if not unchanged.update(password=hashed):
        return False
    withdraw_reset_links(user.id)
    return True


def end_sessions(user_id: UUID, *, but: UUID | str | None = None) -> int:
    """All of the person's but one: a session of the API, or one of the admin, which is named by text."""
    sessions = Session.objects.filter(user_id=user_id).unended()
    in_admin = OperatorSession.objects.filter(user_id=user_id)
    if isinstance(but, str):
        in_admin = in_admin.exclude(session_key=but)
    elif but is not None:
        sessions = sessions.exclude(id=but)
    deleted, _ = in_admin.delete()
    return sessions.update(ended_at=timezone.now()) + deleted


def withdraw_reset_links(user_id: UUID) -> None:
    ResetToken.objects.filter(user_id=user_id, used_at=None).update(used_at=timezone.now())


def make_reset_link(*, user: User, actor: Actor) -> ResetLink:
    """A link that is good once, for an hour; it dies with the next one that an admin or operator makes.

    One that a stranger may have asked for ends no other: it would take away the link that the person is about to use.
    """
    token, now = generate_token(), timezone.now()
    with acting(actor):
        locked = User.objects.select_for_update(no_key=True).filter(id=user.id).first()
        if locked is None:
            raise NotFound()
        if not locked.is_active:
            raise Conflict("This person is deactivated. Reactivate them first.", code="user_inactive")
        if actor.kind is not ActorKind.ANONYMOUS:
            withdraw_reset_links(user.id)
        made = ResetToken.objects.create(
            user=user, digest=digest(token), created_at=now, expires_at=now + LINK_LIFETIME
        )
        target = Target(user.id, user.email)
        record(Action.PASSWORD_RESET_LINK_MADE, actor=actor, tenant_id=user.tenant_id, target=target)
    return ResetLink(reset_link(token), made.expires_at)


def find_resettable(email: str) -> User | None:
    """Operators have `manage.py changepassword`."""
    members = User.objects.filter(email=normalize_address(email), is_active=True, is_staff=False)
    user: User | None = members.filter(tenant__suspended_at=None).select_related("tenant").first()
    return user


def reset_password(*, token: str, new_password: str, actor: Actor) -> int:
    """Ends all of the person's sessions, and answers how many. A refusal leaves the link as it was."""
    enforce(LINKS_BY_IP, str(network_of(actor.address)))
    found = ResetToken.objects.open().filter(digest=digest(token)).select_related("user__tenant").first()
    if found is None or not found.user.is_active or found.user.tenant is None:
        raise link_invalid()
    user, tenant = found.user, found.user.tenant
    if tenant.suspended_at is not None:
        raise refusal("tenant_suspended")
    refuse_bad_password(new_password, user, field="new_password")
    with PASSWORD_HASHING.take(network_of(actor.address)):
        hashed = make_password(new_password)
    with acting(actor, ends=[user.id], in_tenant=tenant.id):
        User.objects.select_for_update(no_key=True).filter(id=user.id).first()
        used = ResetToken.objects.open().filter(id=found.id).update(used_at=timezone.now())
        if not used or not set_password(user, hashed):
            raise link_invalid()
        ended = end_sessions(user.id)
        actor = actor.as_user(user.id, user.email)
        target, after = Target(user.id, user.email), {"sessions_ended": ended}
        record(Action.PASSWORD_RESET, actor=actor, tenant_id=user.tenant_id, target=target, after=after)
    forgive_guesses(email=user.email, actor=actor)
    return ended


def request_reset(*, email: str, actor: Actor) -> None:
    """Mails a link, if there is such a person and a mail server.

    Beyond the limit of an address none is mailed, and nothing is said: a stranger must not keep the person from asking.
    Whether there is is asked in the background alone: the answer and its time can't tell (ASVS 5.0, 6.3.8).
    """
    enforce(RESETS_BY_IP, str(network_of(actor.address)))
    mailed_enough = count(RESETS_BY_ADDRESS, email).hits > RESETS_BY_ADDRESS.most
    if settings.EMAIL_CONFIGURED and not mailed_enough:
        in_background(lambda: mail_link_if_known(email, actor))


def mail_link_if_known(email: str, actor: Actor) -> None:
    user = find_resettable(email)
    if user is not None:
        mail_reset_link(user, make_reset_link(user=user, actor=actor).link)
