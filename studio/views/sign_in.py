"""Public pages: sign-in, sign-up, password reset, invitations and sign-out."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from accounts.invitations import accept_invitation
from accounts.models import User, normalize_address
from accounts.passwords import request_reset, reset_password
from accounts.serializers import (
    AcceptInvitationSerializer,
    AddressField,
    OnboardSerializer,
    PasswordField,
    RequestResetSerializer,
    ResetPasswordSerializer,
)
from accounts.services import SignedIn, onboard, sign_in, sign_out, start_session
from accounts.tokens import SessionToken
from accounts.validators import LONGEST
from studio import cookies
from studio.access import authenticate, keeps, local_path
from studio.forms import Form
from tenants.actor import Actor, actor_of
from tenants.models import Tenant
from tenants.principal import Principal


class SignInSerializer(serializers.Serializer[Any]):
    email = AddressField()
    password = PasswordField(max_length=LONGEST)


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Starts a session as the API's login does, and continues to the requested page."""
    form = Form(request, SignInSerializer)
    wanted = local_path(request.POST.get("next") or request.GET.get("next"))
    kept = [(name[5:], value) for name, values in request.POST.lists() if name.startswith("kept-") for value in values]
    if form.submitted:
        with form.checking():
            signed_in = sign_in(**form.fields(), actor=actor_of(request))
            end_session_of_cookie(request)
            rotate_token(request)  # forms opened before the sign-in become invalid
            response = go_on(request, wanted, [(name, value) for name, value in kept if keeps(name)])
            cookies.keep_token(response, signed_in)
            return response
    elif signed_in_as(request):
        return redirect(wanted)
    return form.show("studio/login.html", next=wanted, kept=kept, signup_open=settings.SIGNUP == "open")


def go_on(request: HttpRequest, wanted: str, kept: list[tuple[str, str]]) -> HttpResponse:
    """Continues to the page, or to the form that was being filled in when the session ended."""
    if not kept:
        return redirect(wanted)
    return render(request, "studio/resume.html", {"next": wanted, "kept": kept})


def signed_in_as(request: HttpRequest) -> Principal | None:
    """Reads the session's cookie. Doesn't set `request.principal`, because these pages are public."""
    page_request: Any = request
    try:
        authenticate(page_request)
    except (AuthenticationFailed, PermissionDenied):
        return None
    principal: Principal = page_request.principal
    del page_request.principal
    return principal


def end_session_of_cookie(request: HttpRequest) -> None:
    """Call before the cookie is overwritten or dropped: a browser has one session (ASVS 5.0, 7.2.4)."""
    if principal := signed_in_as(request):
        with suppress(AuthenticationFailed, PermissionDenied):  # it has ended in the meantime
            sign_out(principal=principal, scope="this", actor=actor_of(request, principal))


@csrf_exempt  # a reload after the sign-up sends an old token and changes nothing; `make_workspace` checks it
@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.method == "POST" and signed_in_address(request) == normalize_address(request.POST.get("email", "")):
        return render(request, "studio/welcome_again.html")
    return make_workspace(request)


def signed_in_address(request: HttpRequest) -> str | None:
    principal = signed_in_as(request)
    return principal.email if principal else None


@csrf_protect
def make_workspace(request: HttpRequest) -> HttpResponse:
    """Onboarding: creates a workspace, its first admin, and its first key, which only this response shows."""
    form = Form(request, OnboardSerializer)
    if form.submitted:
        with form.checking():
            actor = actor_of(request)
            made = onboard(**form.fields(), actor=actor)
            context = {"api_key": made.api_key, "url": settings.PUBLIC_URL, "tenant": made.tenant}
            response = render(request, "studio/welcome.html", context)
            return with_session(request, response, made.user, made.tenant, actor)
    return form.show("studio/signup.html", signup_open=settings.SIGNUP == "open")


def with_session(
    request: HttpRequest, response: HttpResponse, user: User, tenant: Tenant, actor: Actor
) -> HttpResponse:
    """Starts a session, and sets its cookie on the response."""
    session = start_session(user, tenant, actor)
    end_session_of_cookie(request)
    rotate_token(request)
    cookies.keep_token(response, SignedIn(session, str(SessionToken.for_session(session))))
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Requests a reset link. The response never tells whether the e-mail address has an account."""
    form = Form(request, RequestResetSerializer)
    if form.submitted:
        with form.checking():
            request_reset(**form.fields(), actor=actor_of(request))
            return form.show("studio/forgot.html", sent=True, mailed=settings.EMAIL_CONFIGURED)
    return form.show("studio/forgot.html", sent=False, mailed=settings.EMAIL_CONFIGURED)


@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """The page of a reset link. The token is in the URL's fragment, which browsers don't send: a script fills it in."""
    form = Form(request, ResetPasswordSerializer)
    if form.submitted:
        with form.checking():
            reset_password(**form.fields(), actor=actor_of(request))
            messages.success(request, "Your password was set, and all your sessions were ended. Sign in again.")
            return redirect("studio:login")
    return form.show("studio/reset.html")


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """The page of an invitation's link: creates the account, and signs in."""
    form = Form(request, AcceptInvitationSerializer)
    if form.submitted:
        with form.checking():
            actor = actor_of(request)
            user = accept_invitation(**form.fields(), actor=actor)
            tenant = Tenant.objects.get(users=user)
            messages.success(request, f"Welcome to {tenant.name}. Your account {user.email} has the role {user.role}.")
            response = redirect(reverse("studio:overview") + "#content")  # replaces the fragment, which holds the token
            return with_session(request, response, user, tenant, actor)
    return form.show("studio/invitation.html")


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Ends the session, unless it has already ended."""
    end_session_of_cookie(request)
    messages.success(request, "You are signed out.")
    response = redirect("studio:login")
    cookies.drop_token(response)
    return response
