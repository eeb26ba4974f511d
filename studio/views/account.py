"""The user's own account: name, password and sessions."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from rest_framework import serializers

from accounts.members import change_member
from accounts.models import Session, SessionQuerySet, User
from accounts.passwords import change_password
from accounts.serializers import ChangePasswordSerializer, ChangeProfileSerializer
from accounts.services import sign_out
from accounts.sessions import end_session
from studio.access import PageRequest, page
from studio.forms import Form
from tenants.actor import actor_of

MOST: Final = 50


@page(form=True)
def account(request: PageRequest) -> HttpResponse:
    user = User.objects.for_tenant(request.principal.tenant_id).with_id(str(request.principal.id))
    form = Form(request, ChangeProfileSerializer, initial={"full_name": user.full_name})
    if form.submitted:
        with form.checking():
            change_member(user=user, changes=form.fields(), actor=actor_of(request))
            messages.success(request, "Your name was changed.")
            return redirect("studio:account")
    sessions = list(own_sessions(request).order_by("-id")[:MOST])
    return form.show("studio/account/account.html", user=user, sessions=sessions, this=request.principal.session_id)


def own_sessions(request: PageRequest) -> SessionQuerySet:
    mine = Session.objects.for_tenant(request.principal.tenant_id).filter(user_id=request.principal.id)
    return mine.alive()


@page(form=True)
def password(request: PageRequest) -> HttpResponse:
    form = Form(request, ChangePasswordSerializer)
    if form.submitted:
        with form.checking():
            ended = change_password(principal=request.principal, actor=actor_of(request), **form.fields())
            messages.success(request, f"Your password was changed. {ended_text(ended)}")
            return redirect("studio:account")
    return form.show("studio/account/password.html")


def ended_text(ended: int) -> str:
    if not ended:
        return "You had no other sessions."
    return f"{ended} other {'session was' if ended == 1 else 'sessions were'} ended."


class EndSerializer(serializers.Serializer[Any]):
    """The session to end; without one, all others."""

    session = serializers.CharField(max_length=36, required=False)


@page(methods=("POST",))
def end(request: PageRequest) -> HttpResponse:
    form = Form(request, EndSerializer)
    with form.checking():
        chosen, actor = form.fields().get("session"), actor_of(request)
        if chosen:
            end_session(session=own_sessions(request).with_id(chosen), actor=actor)
            messages.success(request, "The session was ended.")
        else:
            messages.success(request, ended_text(sign_out(principal=request.principal, scope="others", actor=actor)))
    if form.fault:
        messages.error(request, form.fault)
    return redirect("studio:account")
