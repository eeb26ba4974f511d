from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import model_ngettext
from django.contrib.auth import get_permission_codename
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from rest_framework.exceptions import NotFound

from tenants.ids import parse_id
from tenants.problems import Conflict


def check_ids(sent: Iterable[str]) -> None:
    """Raises 400 for a malformed id. Django's actions and autocompletion would fail on one with a 500."""
    if not all(map(parse_id, sent)):
        raise BadRequest("This is not an id.")


class OperatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # generic in the stubs only
    """Operators read, and act by calling services. They can't edit or delete anything, unless a subclass allows it."""

    change_form_template = "admin/change_form_with_actions.html"
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the operator may run the actions. Checks Django's change permission, which allows no editing here."""
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allows only the filters' own names: `?password__startswith=` would reveal a hash character by character."""
        return lookup in [shown.parameter_name for shown in self.list_filter]  # type: ignore[union-attr] # all are OfferedFilter or TenantFilter

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Removes NUL, which PostgreSQL refuses. Django checks for it in lists, but not in autocompletion."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def actions_for(self, thing: Any) -> Sequence[str]:
        """The names of the actions that the page of this object offers as buttons."""
        return ()

    def describe(self, thing: Any) -> str:
        """Text that identifies the object in confirmations and messages, even if another has the same name."""
        return str(thing)

    def get_form_buttons(self, request: HttpRequest, thing: Any) -> list[tuple[str, str]]:
        choices = dict(self.get_action_choices(request, default_choices=[]))
        return [(name, choices[name]) for name in self.actions_for(thing) if name in choices]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        thing = self.get_object(request, object_id)
        buttons = self.get_form_buttons(request, thing) if thing else []
        return super().change_view(request, object_id, form_url, {"buttons": buttons, **(extra_context or {})})

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        check_ids(request.POST.getlist(ACTION_CHECKBOX_NAME))
        return super().response_action(request, queryset, *args, **kwargs)

    def operate(
        self,
        request: HttpRequest,
        things: QuerySet[Any],
        service: Callable[[Any], object],
        *,
        done: str,
        warning: str = "",
    ) -> HttpResponse | None:
        """Calls the service for each object, once the operator has confirmed the warning. Goes on after a refusal.

        `done`: a past participle for the messages.
        """
        if not things:
            self.message_user(request, f"Nothing to do: none of these can be {done}.", messages.WARNING)
            return None
        if warning and "confirmed" not in request.POST:
            return self.ask(request, things, warning)
        count = sum(self.operate_on_one(request, thing, service, done) for thing in things)
        if count:
            self.message_user(request, f"{count} {model_ngettext(self.opts, count)} {done}.", messages.SUCCESS)
        return None

    def operate_on_one(self, request: HttpRequest, thing: Model, service: Callable[[Any], object], done: str) -> bool:
        try:
            with transaction.atomic():
                service(thing)
                self.log_change(request, thing, f"{done.capitalize()}.")
        except (Conflict, NotFound) as refusal:
            self.message_user(request, f"Not {done}: {self.describe(thing)}. {refusal.detail}", messages.ERROR)
            return False
        return True

    def ask(
        self, request: HttpRequest, things: QuerySet[Any], warning: str, form: forms.Form | None = None
    ) -> HttpResponse:
        action = request.POST["action"]
        label = dict(self.get_action_choices(request))[action]
        context = {
            **self.admin_site.each_context(request),
            "title": f"{label} {things.count()} {model_ngettext(things)}?",
            "opts": self.opts,
            "warning": warning,
            "form": form,
            "things": [self.describe(thing) for thing in things[:100]],
            "action": action,
            "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/confirm_action.html", context)
