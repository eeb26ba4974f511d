"""Access control for the pages. A view marked `@page` needs a session and a role; all other views are public."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.authentication import JWTAuthentication
from studio import cookies
from tenants.limits.bodies import SMALL_BODY
from tenants.limits.page_forms import body_size
from tenants.permissions import IsTenantViewer, TenantPermission
from tenants.principal import Principal

LOCAL: Final = re.compile(r"/studio/(?![^?]*(?:\.\.|//|%2[eEfF]|%5[cC]))[A-Za-z0-9/_.~!$&'()*+,;=:@%?-]*", re.ASCII)
NOT_KEPT: Final = re.compile("password|token|once")  # form fields that aren't carried along: secrets
LONGEST_KEPT: Final = SMALL_BODY // 2
P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request from a signed-in user."""

    principal: Principal


View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def page(
    permission: type[TenantPermission] = IsTenantViewer,
    *,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    form: bool = False,
) -> Callable[[View[P]], View[P]]:
    """Marks a view for signed-in users with a role. Others are asked to sign in, or told which role they need.

    `form`: the view also accepts POST, for the form that it shows.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                authenticate(request)
            except AuthenticationFailed as refusal:
                return ask_to_sign_in(request, refusal)
            if not permission.allows(request.principal):
                raise PermissionDenied(permission().message, code=permission.code)
            request.principal = replace(request.principal, needs=permission.minimum_role)
            try:
                return view(request, *args, **kwargs)
            except AuthenticationFailed as refusal:  # the session ended while the page was being built
                return ask_to_sign_in(request, refusal)

        guarded.permission = permission  # type: ignore[attr-defined] # for the tests' table of pages
        return cast("View[P]", require_http_methods([*methods, *(["POST"] if form else [])])(guarded))

    return decorate


def authenticate(request: PageRequest) -> None:
    """Authenticates by the JWT in the cookie, with the same checks as for one in a header. Costs one query."""
    token = request.COOKIES.get(cookies.NAME, "")
    if not token:
        raise AuthenticationFailed("Sign in to see this page.")
    request.principal = JWTAuthentication().authenticate_credentials(token, Request(request))


def ask_to_sign_in(request: HttpRequest, refusal: AuthenticationFailed) -> HttpResponse:
    """Shows the sign-in page, which leads back to the requested one. Form input is carried along, except secrets."""
    if request.headers.get("HX-Request"):  # htmx refreshes part of a page whose session has ended
        answer = HttpResponse(status=401)
        answer["HX-Redirect"] = reverse("studio:login")
        return answer
    if request.method == "POST":
        context = {"next": request.get_full_path(), "fault": str(refusal.detail), **carried(request)}
        return render(request, "studio/login.html", context, status=401)
    if request.COOKIES.get(cookies.NAME):
        messages.info(request, str(refusal.detail))
    wanted = request.get_full_path()
    where = "" if wanted == reverse("studio:overview") else "?" + urlencode({"next": wanted})
    return redirect(reverse("studio:login") + where)


def carried(request: HttpRequest) -> dict[str, Any]:
    """The form input to carry through the sign-in. A large form isn't read at all: its sender is not authenticated."""
    if body_size(request) > LONGEST_KEPT:
        return {"kept": [], "is_too_long": True}
    return {"kept": [(name, value) for name, values in request.POST.lists() if keeps(name) for value in values]}


def keeps(name: str) -> bool:
    return name != "csrfmiddlewaretoken" and not NOT_KEPT.search(name)


def local_path(text: Any) -> str:
    """Returns `text` if it is the path of a Studio page, else the overview's path. Prevents open redirects."""
    return text if isinstance(text, str) and LOCAL.fullmatch(text) else reverse("studio:overview")
