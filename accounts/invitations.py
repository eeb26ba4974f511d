from datetime import timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError
from django.utils import timezone

from accounts.limits import INVITATIONS_BY_TENANT, LINKS_BY_IP
from accounts.links import digest, generate_token, invitation_link, link_invalid
from accounts.mail import mail_invitation
from accounts.models import Invitation, User
from accounts.passwords import refuse_bad_password
from accounts.services import email_taken
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record, start_chain
from tenants.authority import acting
from tenants.constraints import violated_constraint
from tenants.limits.limit import enforce
from tenants.limits.slots import PASSWORD_HASHING
from tenants.models import Role, Tenant
from tenants.network import network_of
from tenants.problems import Conflict
from tenants.refusals import refusal

LIFETIME: Final = timedelta(hours=72)


ONE_TENANT: Final = "A person can be in one workspace only."


class Invited(NamedTuple):
    invitation: Invitation
    link: str


def invite(*, tenant_id: UUID, email: str, role: Role, actor: Actor) -> Invited:
    """Creates a link that creates one account, within 72 hours. 409 `email_taken` if the account exists.

    It replaces the tenant's open invitation to the same e-mail address.
    """
    enforce(INVITATIONS_BY_TENANT, str(tenant_id))
    if User.objects.filter(email=email).exists():
        raise email_taken(ONE_TENANT)
    token, now = generate_token(), timezone.now()
    with acting(actor, in_tenant=tenant_id):
        tenant = Tenant.objects.get(id=tenant_id)
        same = Invitation.objects.for_tenant(tenant_id).open().filter(email=email)
        replaced = same.update(revoked_at=now)
        invitation = Invitation.objects.create(
            tenant=tenant,
            email=email,
            role=role,
            digest=digest(token),
            invited_by_label=actor.label,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        after = {"role": role, "replaced": replaced}
        target = Target(invitation.id, email)
        record(Action.INVITATION_CREATED, actor=actor, tenant_id=tenant_id, target=target, after=after)
    link = invitation_link(token)
    mail_invitation(invitation, link)
    return Invited(invitation, link)


def revoke_invitation(*, invitation: Invitation, actor: Actor) -> Invitation:
    """409 `invitation_closed` if it was already accepted or revoked."""
    now = timezone.now()
    with acting(actor):
        unclosed = Invitation.objects.for_tenant(invitation.tenant_id).filter(accepted_at=None, revoked_at=None)
        if not unclosed.filter(id=invitation.id).update(revoked_at=now):
            raise Conflict("This invitation has already been accepted or revoked.", code="invitation_closed")
        target = Target(invitation.id, invitation.email)
        record(Action.INVITATION_REVOKED, actor=actor, tenant_id=invitation.tenant_id, target=target)
    invitation.revoked_at = now
    return invitation


def accept_invitation(*, token: str, password: str, full_name: str, actor: Actor) -> User:
    """Creates the account. A refused attempt doesn't use up the invitation.

    The UPDATE lets only one of several parallel calls accept it.
    """
    enforce(LINKS_BY_IP, str(network_of(actor.address)))
    invitation = Invitation.objects.open().filter(digest=digest(token)).select_related("tenant").first()
    if invitation is None:
        raise link_invalid()
    if invitation.tenant.suspended_at is not None:
        raise refusal("tenant_suspended")
    refuse_bad_password(password, User(email=invitation.email, full_name=full_name))
    with PASSWORD_HASHING.take(network_of(actor.address)):
        hashed = make_password(password)
    try:
        with acting(actor, in_tenant=invitation.tenant_id):
            if not Invitation.objects.open().filter(id=invitation.id).update(accepted_at=timezone.now()):
                raise link_invalid()
            user: User = User.objects.create(
                tenant=invitation.tenant,
                email=invitation.email,
                password=hashed,
                full_name=full_name,
                role=invitation.role,
            )
            actor = actor.as_user(user.id, user.email)
            target, after = Target(invitation.id, user.email), {"role": user.role, "user": str(user.id)}
            record(Action.INVITATION_ACCEPTED, actor=actor, tenant_id=user.tenant_id, target=target, after=after)
    except IntegrityError as error:
        if violated_constraint(error) != "user_email_unique":
            raise
        raise email_taken() from None
    return user


def create_tenant(*, name: str, email: str, actor: Actor) -> Invited:
    """Creates a tenant and invites its first admin. This is how operators add tenants if `SIGNUP=invite`."""
    if User.objects.filter(email=email).exists():
        raise email_taken(ONE_TENANT)
    with acting(actor):
        tenant = Tenant.objects.create(name=name)
        start_chain(tenant.id)
        record(Action.TENANT_CREATED, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, name))
    return invite(tenant_id=tenant.id, email=email, role=Role.ADMIN, actor=actor)
