"""Password changes and password resets."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError

from accounts.limits import LINKS_BY_IP, RESETS_BY_ADDRESS, RESETS_BY_IP, Guess, audit_refusal, forgive_guesses
from accounts.links import digest, generate_token, link_invalid, reset_link
from accounts.mail import in_background, mail_reset_link
from accounts.models import OperatorSession, ResetToken, Session, User, normalize_address
from tenants.actor import Actor, ActorKind
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.authority import acting
from tenants.limits.limit import count, enforce
from tenants.limits.slots import PASSWORD_HASHING
from tenants.network import network_of
from tenants.principal import Principal
from tenants.problems import Conflict
from tenants.refusals import refusal

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
    """Ends the user's other sessions and returns how many. 422 `password_wrong` if `current_password` is wrong.

    A wrong `current_password` counts as a failed sign-in.
    """
    user = own_user(principal)
    passwords = {"current_password": current_password, "new_password": new_password}
    return change_own_password(user=user, keep=principal.session_id, actor=actor, **passwords)


def change_own_password(
    *, user: User, current_password: str, new_password: str, keep: UUID | str | None, actor: Actor
) -> int:
    """Changes the password of a member or an operator. Ends all their sessions except `keep`, and returns how many.

    `keep` is the id of an API session, or the stored key of an admin session.
    """
    refuse_bad_password(new_password, user, field="new_password")
    with PASSWORD_HASHING.take(user.tenant_id or user.id):
        guess = Guess.begin(email=user.email, user=user, actor=actor)
        right = check_password(current_password, user.password)
        hashed = make_password(new_password) if right else ""
    if not right:
        audit_refusal(user, user.email, actor)
        raise password_wrong()
    guess.take_back()
    with acting(actor, ends=[user.id]):
        if not set_password(user, hashed):
            raise password_wrong()
        ended = end_sessions(user.id, keep=keep)
        after = {"sessions_ended": ended}
        target = Target(user.id, user.email)
        record(Action.PASSWORD_CHANGED, actor=actor, tenant_id=user.tenant_id, target=target, after=after)
    user.password = hashed
    return ended


def replace_password(*, user: User, new_password: str, actor: Actor) -> int:
    """Sets a password without the current one, from the command line. Ends all sessions and returns how many."""
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
    """The signed-in user's row. 401 if it was deleted after the session was read."""
    user: User | None = User.objects.select_related("tenant").filter(id=principal.user_id).first()
    if user is None:
        raise refusal("session_ended")
    return user


def password_wrong() -> ValidationError:
    return ValidationError({"current_password": [ErrorDetail("This is not your password.", code="password_wrong")]})


def set_password(user: User, hashed: str) -> bool:
    """Returns False if the password was changed or the user was deactivated after `user` was read.

    The UPDATE locks the row, so a sign-in under way with the old password waits for it and is refused: see
    `start_session`.
    """
    unchanged = User.objects.filter(id=user.id, password=user.password, is_active=True)
    if not unchanged.update(password=hashed):
        return False
    withdraw_reset_links(user.id)
    return True


def end_sessions(user_id: UUID, *, keep: UUID | str | None = None) -> int:
    """Ends all the user's sessions except `keep`, and returns how many.

    `keep` is the id of an API session (UUID) or the stored key of an admin session (str).
    """
    sessions = Session.objects.filter(user_id=user_id).unended()
    in_admin = OperatorSession.objects.filter(user_id=user_id)
    if isinstance(keep, str):
        in_admin = in_admin.exclude(session_key=keep)
    elif keep is not None:
        sessions = sessions.exclude(id=keep)
    deleted, _ = in_admin.delete()
    return sessions.update(ended_at=timezone.now()) + deleted


def withdraw_reset_links(user_id: UUID) -> None:
    ResetToken.objects.filter(user_id=user_id, used_at=None).update(used_at=timezone.now())


def make_reset_link(*, user: User, actor: Actor) -> ResetLink:
    """Creates a link that works once, within an hour. 409 `user_inactive` if the user is deactivated, 404 if deleted.

    A link created by an admin or operator replaces the user's open links. A link requested without signing in doesn't:
    otherwise a stranger could invalidate the link that the user is about to open.
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
    """Only active members of tenants that aren't suspended. Operators use `manage.py changepassword` instead."""
    members = User.objects.filter(email=normalize_address(email), is_active=True, is_staff=False)
    user: User | None = members.filter(tenant__suspended_at=None).select_related("tenant").first()
    return user


def reset_password(*, token: str, new_password: str, actor: Actor) -> int:
    """Ends all the user's sessions and returns how many. A refused attempt doesn't use up the link."""
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
    """Sends a reset link if e-mail is configured and the e-mail address has an account. 429 only for the IP address.

    Beyond the limit of an e-mail address no more links are sent, but the response stays the same. The account is looked
    up in the background, so neither the response nor its time reveals whether it exists (ASVS 5.0, 6.3.8).
    """
    enforce(RESETS_BY_IP, str(network_of(actor.address)))
    mailed_enough = count(RESETS_BY_ADDRESS, email).hits > RESETS_BY_ADDRESS.most
    if settings.EMAIL_CONFIGURED and not mailed_enough:
        in_background(lambda: mail_link_if_known(email, actor))


def mail_link_if_known(email: str, actor: Actor) -> None:
    user = find_resettable(email)
    if user is not None:
        mail_reset_link(user, make_reset_link(user=user, actor=actor).link)
