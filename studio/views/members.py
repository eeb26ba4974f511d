"""The members of a workspace: their roles, invitations, reset links and removal."""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.invitations import invite as invite_address
from accounts.invitations import revoke_invitation
from accounts.members import change_member, is_admin, refuse_last_admin, remove_member
from accounts.models import Invitation, User, UserQuerySet
from accounts.passwords import make_reset_link
from accounts.serializers import ChangeMemberSerializer, InviteSerializer
from studio.access import PageRequest, page
from studio.confirmation import ConfirmEmailSerializer
from studio.forms import Form, NothingSerializer, only_sent
from tenants.actor import actor_of
from tenants.keyset import keyset_page
from tenants.models import Role
from tenants.permissions import IsTenantAdmin
from tenants.problems import Conflict

MOST: Final = 50
ROLES: Final = {
    Role.VIEWER: "Can view events, beliefs, episodes and statistics.",
    Role.EDITOR: "Can also write and edit them.",
    Role.ADMIN: "Can also manage keys, members and settings, and export, import and erase data.",
}


@page(IsTenantAdmin)
def members(request: PageRequest) -> HttpResponse:
    tenant_id = request.principal.tenant_id
    cursor = request.GET.get("cursor")
    people = keyset_page(
        people_of(request), ordering=("-id",), limit=MOST, cursor=cursor, tenant_id=tenant_id, name="studio people"
    )
    invitations = Invitation.objects.for_tenant(tenant_id).open().order_by("-id")[:MOST]
    return render(request, "studio/members/list.html", {"people": people, "cursor": cursor, "invitations": invitations})


def people_of(request: PageRequest) -> UserQuerySet:
    people: UserQuerySet = User.objects.for_tenant(request.principal.tenant_id)
    return people


@page(IsTenantAdmin, form=True)
def member(request: PageRequest, id: str) -> HttpResponse:
    """One member, with the two things that an admin can change: the role, and whether they may sign in."""
    person = people_of(request).with_id(id)
    form = Form(request, ChangeMemberSerializer, initial={"role": person.role})
    if form.submitted:
        with form.checking():
            form.values = only_sent(request, "role", "is_active")
            changed = change_member(user=person, changes=form.fields(), actor=actor_of(request))
            messages.success(request, change_text(changed, form.values))
            is_self = changed.id == request.principal.user_id  # the new role may not allow this page
            return redirect("studio:overview") if is_self else redirect("studio:members-member", id=id)
    return form.show("studio/members/member.html", person=person, roles=ROLES)


def change_text(person: User, sent: Any) -> str:
    if "is_active" not in sent:
        return f"{person.email} is now {person.role}."
    if sent["is_active"] == "true":
        return f"{person.email} can sign in again."
    return f"{person.email} was deactivated and signed out on all devices."


@page(IsTenantAdmin, form=True)
def reset(request: PageRequest, id: str) -> HttpResponse:
    """Only the response to the POST shows the link."""
    person = people_of(request).with_id(id)
    form = Form(request, NothingSerializer)
    if form.submitted:
        with form.checking():
            form.fields()
            made = make_reset_link(user=person, actor=actor_of(request))
            context = {"person": person, "link": made.link, "ends": made.expires_at}
            return render(request, "studio/members/reset_shown.html", context)
    return form.show("studio/members/reset.html", person=person)


@page(IsTenantAdmin, form=True)
def remove(request: PageRequest, id: str) -> HttpResponse:
    person = people_of(request).with_id(id)
    if refusal := why_not_removed(person):
        messages.warning(request, refusal)
        return redirect("studio:members-member", id=id)
    form = Form(request, ConfirmEmailSerializer, context={"name": person.email, "what": "e-mail address"})
    if form.submitted:
        with form.checking():
            form.fields()
            remove_member(user=person, actor=actor_of(request))
            messages.success(request, f"{person.email} was removed.")
            return redirect("studio:members")
    return form.show("studio/members/remove.html", person=person)


def why_not_removed(person: User) -> str:
    try:
        if is_admin(person):
            refuse_last_admin(person)
    except Conflict as refusal:
        return str(refusal.detail)
    return ""


@page(IsTenantAdmin, form=True)
def invite(request: PageRequest) -> HttpResponse:
    """Only the response to the POST shows the link. The invitation e-mail contains it, too."""
    form = Form(request, InviteSerializer, initial={"role": Role.EDITOR})
    if form.submitted:
        with form.checking():
            tenant_id = request.principal.tenant_id
            made = invite_address(tenant_id=tenant_id, actor=actor_of(request), **form.fields())
            context = {"invitation": made.invitation, "link": made.link, "mailed": settings.EMAIL_CONFIGURED}
            return render(request, "studio/members/invited.html", context)
    return form.show("studio/members/invite.html", roles=ROLES, mailed=settings.EMAIL_CONFIGURED)


@page(IsTenantAdmin, form=True)
def revoke(request: PageRequest, id: str) -> HttpResponse:
    invitation = Invitation.objects.for_tenant(request.principal.tenant_id).with_id(id)
    form = Form(request, NothingSerializer)
    if form.submitted:
        with form.checking():
            form.fields()
            revoke_invitation(invitation=invitation, actor=actor_of(request))
            messages.success(request, f"The invitation for {invitation.email} was revoked. Its link no longer works.")
            return redirect("studio:members")
    return form.show("studio/members/revoke.html", invitation=invitation)
