"""Changes, deactivates and removes users."""

from typing import Any, Final

from django.utils import timezone
from rest_framework.exceptions import NotFound

from accounts.models import Invitation, ResetToken, User
from accounts.passwords import end_sessions, withdraw_reset_links
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.authority import acting
from tenants.models import Role
from tenants.problems import Conflict
from tenants.services import locked_tenant

AUTHORITY: Final = frozenset({"role", "is_active"})


def change_member(*, user: User, changes: dict[str, Any], actor: Actor) -> User:
    """Takes effect with the user's next request. 409 `last_admin` if no active admin would be left in the tenant."""
    with acting(actor, ends=[user.id] if AUTHORITY & changes.keys() else ()):
        user = lock_member(user)
        before = {name: getattr(user, name) for name in changes if getattr(user, name) != changes[name]}
        if not before:
            return user
        after: dict[str, Any] = {name: changes[name] for name in before}
        if is_admin(user) and (after.get("role", Role.ADMIN) != Role.ADMIN or after.get("is_active") is False):
            refuse_last_admin(user)
            after |= withdraw_admin_links(user)
        User.objects.filter(id=user.id).update(**{name: changes[name] for name in before})
        if "is_active" in after:
            after["sessions_ended"] = end_authority(user)
        target = Target(user.id, user.email)
        record(Action.USER_CHANGED, actor=actor, tenant_id=user.tenant_id, target=target, before=before, after=after)
    for name in before:
        setattr(user, name, changes[name])
    return user


def deactivate_user(*, user: User, actor: Actor) -> User:
    """Ends all the user's sessions and refuses new sign-ins."""
    return change_member(user=user, changes={"is_active": False}, actor=actor)


def reactivate_user(*, user: User, actor: Actor) -> User:
    """The user has to sign in again: the ended sessions stay ended."""
    return change_member(user=user, changes={"is_active": True}, actor=actor)


def remove_member(*, user: User, actor: Actor) -> None:
    """Deletes the user, their sessions and their reset links. Their keys stay, and keep the user's label."""
    with acting(actor, ends=[user.id]):
        user = lock_member(user)
        before = {"full_name": user.full_name, "role": user.role, "is_active": user.is_active}
        after = None
        if is_admin(user):
            refuse_last_admin(user)
            after = withdraw_admin_links(user)
        target = Target(user.id, user.email)
        user.delete()
        record(Action.USER_REMOVED, actor=actor, tenant_id=user.tenant_id, target=target, before=before, after=after)


def is_admin(user: User) -> bool:
    return user.role == Role.ADMIN or user.is_staff


def lock_member(user: User) -> User:
    """Locks the user and returns the current row. 404 if it was deleted.

    Also locks the tenant, or all operators, so that no other member or operator changes until the transaction ends.
    """
    if user.tenant_id is None:
        list(User.objects.filter(is_staff=True).select_for_update(no_key=True).order_by("id"))
    else:
        locked_tenant(user.tenant_id)
    locked: User | None = User.objects.select_for_update().filter(id=user.id).first()
    if locked is None:
        raise NotFound()
    return locked


def refuse_last_admin(user: User) -> None:
    """409 `last_admin` or `last_operator` if no other one is active.

    Call it after `lock_member`: if the last two are removed at the same time, the second one waits and is refused. One
    operator must stay active, because only an operator can reactivate the others.
    """
    peers = User.objects.filter(tenant_id=user.tenant_id, role=user.role, is_staff=user.is_staff, is_active=True)
    if peers.exclude(id=user.id).exists():
        return
    if user.is_staff:
        raise Conflict("This is the last active operator. Create another one first.", code="last_operator")
    raise Conflict("This is the workspace's last active admin. Make somebody else an admin first.", code="last_admin")


def end_authority(user: User) -> int:
    """Ends all sessions of the API and the admin, and withdraws reset links. Returns the number of sessions."""
    withdraw_reset_links(user.id)
    return end_sessions(user.id)


def withdraw_admin_links(user: User) -> dict[str, int]:
    """Leaves a former admin no link to get back in with. Revokes their open invitations.

    Reset links don't store who created them, so all open ones of the tenant are withdrawn.
    """
    now = timezone.now()
    if user.tenant_id is None:
        return {}
    invitations = Invitation.objects.for_tenant(user.tenant_id).open().filter(invited_by_label=user.email)
    links = ResetToken.objects.open().filter(user__in=User.objects.for_tenant(user.tenant_id))
    return {
        "invitations_revoked": invitations.update(revoked_at=now),
        "reset_links_withdrawn": links.update(used_at=now),
    }
