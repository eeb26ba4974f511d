from collections.abc import Sequence
from typing import Any

import django.contrib.auth.admin  # noqa: F401 - registers Group, which is taken out below
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.forms import LimitedSignInForm
from accounts.invitations import revoke_invitation
from accounts.members import deactivate_user, reactivate_user
from accounts.models import Invitation, Session, SessionQuerySet, User
from accounts.sessions import end_session
from tenants.actor import actor_of
from tenants.admin.base import OperatorAdmin
from tenants.admin.filters import OfferedFilter, RoleFilter, TenantFilter


class OperatorSignInForm(LimitedSignInForm):
    error_messages = {
        "invalid_login": "The e-mail address or the password is wrong, or this is not an operator's account.",
        "inactive": "This account is inactive.",
    }


class KindFilter(OfferedFilter):
    title = parameter_name = "kind"
    offered = [("member", "member"), ("operator", "operator")]

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(is_staff=value == "operator")


class ActiveFilter(OfferedFilter):
    title = parameter_name = "active"
    offered = [("yes", "yes"), ("no", "no")]

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(is_active=value == "yes")


class SessionStateFilter(OfferedFilter):
    title = parameter_name = "state"
    offered = [("open", "open"), ("expired", "expired"), ("ended", "ended")]

    def narrow(self, queryset: Any, value: str) -> Any:
        if value == "ended":
            return queryset.exclude(ended_at=None)
        now = timezone.now()
        return queryset.unended().filter(**{"expires_at__gt" if value == "open" else "expires_at__lte": now})


@admin.register(User)
class UserAdmin(OperatorAdmin):
    """Users can't be added here. Members onboard or are invited. `manage.py createsuperuser` creates operators."""

    list_display = ["email", "full_name", "tenant", "role", "is_staff", "is_active", "created_at"]
    list_filter = [KindFilter, RoleFilter, ActiveFilter, TenantFilter]
    list_select_related = ["tenant"]
    search_fields = ["email__icontains"]
    search_help_text = "Part of an e-mail address."
    fields = ["id", "email", "full_name", "tenant", "role", "is_staff", "is_active", "created_at", "last_login"]
    actions = ["deactivate", "reactivate"]

    def actions_for(self, thing: User) -> Sequence[str]:
        return ["deactivate"] if thing.is_active else ["reactivate"]

    @admin.action(description="Deactivate", permissions=["operate"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.filter(is_active=True),
            lambda user: deactivate_user(user=user, actor=actor_of(request)),
            done="deactivated",
            warning="Their sessions end immediately, and they can't sign in. Keys that they created keep working.",
        )

    @admin.action(description="Reactivate", permissions=["operate"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        inactive = queryset.filter(is_active=False)
        return self.operate(
            request, inactive, lambda user: reactivate_user(user=user, actor=actor_of(request)), done="reactivated"
        )


@admin.register(Session)
class SessionAdmin(OperatorAdmin):
    list_display = ["user", "tenant", "created_at", "expires_at", "ended_at", "ip", "agent"]
    list_filter = [SessionStateFilter, TenantFilter]
    list_select_related = ["user", "tenant"]
    search_fields = ["user__email__icontains"]
    search_help_text = "Part of a person's e-mail address."
    fields = ["id", "user", "tenant", "created_at", "expires_at", "ended_at", "ip", "agent"]
    actions = ["end"]

    def actions_for(self, thing: Session) -> Sequence[str]:
        return [] if thing.ended_at else ["end"]

    def describe(self, thing: Session) -> str:
        return f"{thing.user} since {thing.created_at:%Y-%m-%d %H:%M}"

    @admin.action(description="End", permissions=["operate"])
    def end(self, request: HttpRequest, queryset: SessionQuerySet) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.unended(),
            lambda session: end_session(session=session, actor=actor_of(request)),
            done="ended",
        )


class InvitationStateFilter(OfferedFilter):
    title = parameter_name = "state"
    offered = [("open", "open"), ("closed", "closed")]

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.open() if value == "open" else queryset.exclude(id__in=queryset.open().values("id"))


@admin.register(Invitation)
class InvitationAdmin(OperatorAdmin):
    """Operators can revoke invitations here, but not create them."""

    list_display = ["email", "tenant", "role", "status", "invited_by_label", "created_at", "expires_at"]
    list_filter = [InvitationStateFilter, RoleFilter, TenantFilter]
    list_select_related = ["tenant"]
    search_fields = ["email__icontains"]
    search_help_text = "Part of an e-mail address."
    fields = [
        *("id", "email", "tenant", "role", "status", "invited_by_label"),
        *("created_at", "expires_at", "accepted_at", "revoked_at"),
    ]
    actions = ["revoke"]

    def actions_for(self, thing: Invitation) -> Sequence[str]:
        return [] if thing.accepted_at or thing.revoked_at else ["revoke"]

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> HttpResponse | None:
        unclosed, actor = queryset.filter(accepted_at=None, revoked_at=None), actor_of(request)
        return self.operate(
            request,
            unclosed,
            lambda invitation: revoke_invitation(invitation=invitation, actor=actor),
            done="revoked",
        )


admin.site.unregister(Group)
admin.site.login_form = OperatorSignInForm
