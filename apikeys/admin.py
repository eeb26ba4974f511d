import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html

from apikeys.keys import MARK, PREFIX_LENGTH
from apikeys.models import APIKey, APIKeyQuerySet
from apikeys.policy import policy_sentence, violation
from apikeys.serializers import TOO_FAR
from apikeys.services import create_key, revoke_key
from apikeys.status import Status
from tenants.actor import actor_of
from tenants.admin.base import OperatorAdmin, check_ids
from tenants.admin.filters import OfferedFilter, RoleFilter, TenantFilter
from tenants.fields import holds_control_character, is_invisible
from tenants.serializers import LONGEST_DAYS

PAST_THE_PREFIX: Final = re.compile(rf"({MARK}\w{{{PREFIX_LENGTH - len(MARK)}}})\w+")


class StatusFilter(OfferedFilter):
    title = parameter_name = "status"
    offered = Status.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.in_status(Status(value))


class CreateAPIKeyForm(forms.ModelForm):  # type: ignore[type-arg] # generic in the stubs only
    class Meta:
        model = APIKey
        fields = ["tenant", "name", "role", "expires_at"]
        help_texts = {"expires_at": "UTC. Leave it empty for a key that doesn't expire."}

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if holds_control_character(name):
            raise forms.ValidationError("Control characters are not allowed.", code="control_character")
        if is_invisible(name):
            raise forms.ValidationError("This has no visible character.", code="invisible")
        return name

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("This is in the past.", code="in_the_past")
        if expires_at is not None and expires_at > timezone.now() + timedelta(days=LONGEST_DAYS):
            raise forms.ValidationError(TOO_FAR, code="too_far")
        return expires_at

    def clean(self) -> dict[str, Any] | None:
        """The tenant's policy binds operators too."""
        cleaned = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant")
        if tenant and "expires_at" in cleaned:
            found = violation(tenant, created_at=timezone.now(), expires_at=cleaned["expires_at"])
            if found:
                self.add_error("expires_at", forms.ValidationError(policy_sentence(tenant), code=found))
        return cleaned


@admin.register(APIKey)
class APIKeyAdmin(OperatorAdmin):
    """Operators can create and revoke keys here, but not change them. `response_add` shows the plaintext once."""

    form = CreateAPIKeyForm
    autocomplete_fields = ["tenant"]
    list_display = ["name", "key", "tenant", "role", "status", "created_at", "expires_at", "last_used_at"]
    list_filter = [StatusFilter, RoleFilter, TenantFilter]
    list_select_related = ["tenant"]
    search_fields = ["prefix__startswith", "last4__exact", "name__icontains"]
    search_help_text = "A name, the first characters (mg_live_AbCd) or the last 4. Never paste a whole key anywhere."
    actions = ["revoke"]

    @admin.display(description="key")
    def key(self, key: APIKey) -> str:
        return format_html('<span class="nowrap">{}…{}</span>', key.prefix, key.last4)

    @admin.display(description="created by")
    def made_by(self, key: APIKey) -> str:
        return key.created_by_label

    def describe(self, thing: APIKey) -> str:
        return f"{thing.name} ({thing.prefix}…{thing.last4}, {thing.tenant})"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("apikeys.add_apikey"))

    def get_fields(self, request: HttpRequest, obj: APIKey | None = None) -> list[Any]:
        if obj is None:
            return ["tenant", "name", "role", "expires_at"]
        return [
            *("id", "key", "tenant", *APIKey.SETTINGS, "status", "made_by", "created_at"),
            *("last_used_at", "last_used_ip", "last_used_agent", "replaced_by_id", "revoked_at"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Cuts a whole key in the search down to its prefix, because the page's links repeat the query string."""
        query = request.GET.urlencode()
        shortened = PAST_THE_PREFIX.sub(r"\1", query)
        if shortened != query:
            return HttpResponseRedirect(f"{request.path}?{shortened}")
        return super().changelist_view(request, extra_context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        check_ids(filter(None, [request.GET.get("tenant"), request.POST.get("tenant")]))
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**only_save, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[APIKey], search_term: str
    ) -> tuple[QuerySet[APIKey], bool]:
        """Also accepts a key as the list shows it: `mg_live_AbCd…WxYz`."""
        return super().get_search_results(request, queryset, search_term.replace("…", " "))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        cleaned = dict(form.cleaned_data)
        made, plaintext = create_key(tenant_id=cleaned.pop("tenant").id, actor=actor_of(request), **cleaned)
        obj.id, obj.plaintext = made.id, plaintext

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Shows the key in this response, because a redirect would have to store the key in between."""
        context = {
            **self.admin_site.each_context(request),
            "title": "API key created",
            "opts": self.opts,
            "key": obj,
        }
        return TemplateResponse(request, "admin/api_key_made.html", context, headers={"Cache-Control": "no-store"})

    def actions_for(self, thing: APIKey) -> Sequence[str]:
        return [] if thing.revoked_at else ["revoke"]

    @admin.action(description="Revoke", permissions=["operate"])
    def revoke(self, request: HttpRequest, queryset: APIKeyQuerySet) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.unrevoked(),
            lambda key: revoke_key(key=key, actor=actor_of(request)),
            done="revoked",
            warning="Programs that use them are refused immediately. This can't be undone.",
        )
