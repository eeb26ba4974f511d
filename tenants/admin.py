from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final

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

from tenants.actor import ActorKind, actor_of
from tenants.audit.actions import Action
from tenants.fields import HIGHEST_RATE_LIMIT
from tenants.ids import parse_id
from tenants.models import AuditEntry, Role, Tenant
from tenants.problems import Conflict
from tenants.services import cap_requests, freeze_keys, reactivate_tenant, suspend_tenant, unfreeze_keys

ACTION_LABELS: Final = dict(Action.choices)


def check_ids(sent: Iterable[str]) -> None:
    """Django's actions and autocompletion look up whatever they are sent as a UUID, and fail on what is none."""
    if not all(map(parse_id, sent)):
        raise BadRequest("This is not an id.")


class OperatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # generic in the stubs only
    """Operators look, and act by services. Nothing is edited or deleted by hand; what a subclass allows, it says."""

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
        """Who may run the actions; Django's own permission to change, which no form here grants."""
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters' own names: `?password__startswith=` would give a hash away bit by bit."""
        return lookup in [shown.parameter_name for shown in self.list_filter]  # type: ignore[union-attr] # all are OfferedFilter or TenantFilter

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """PostgreSQL takes no NUL; Django looks for it in lists, but not in autocompletion."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def actions_for(self, thing: Any) -> Sequence[str]:
        """The actions that its page offers as buttons."""
        return ()

    def describe(self, thing: Any) -> str:
        """What tells it from others of its name, before something is done to it."""
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
        """Calls the service for each thing, after a warning has been confirmed. A refusal holds up no other thing."""
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


class OfferedFilter(admin.SimpleListFilter):
    """A list of choices. Nothing but what it offers reaches the database."""

    offered: ClassVar[Sequence[tuple[str, str]]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return self.offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return self.narrow(queryset, value) if value and value in dict(self.offered) else queryset

    def narrow(self, queryset: Any, value: str) -> Any:
        raise NotImplementedError


class RoleFilter(OfferedFilter):
    title = parameter_name = "role"
    offered = Role.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(role=value)


class TenantFilter(admin.SimpleListFilter):
    """A name or id to type in: a list of all tenants would be as long as there are customers."""

    title = parameter_name = "tenant"
    template = "admin/text_filter.html"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        super().__init__(request, *args)
        self.others = [(name, value) for name, value in request.GET.items() if name not in ("tenant", "p", "e")]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("", "")]  # without one, Django leaves the filter out

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = (self.value() or "").replace("\0", "").strip()
        if not wanted:
            return queryset
        if tenant_id := parse_id(wanted):
            return queryset.filter(tenant_id=tenant_id)
        return queryset.filter(tenant__name__icontains=wanted)


class ActionFilter(OfferedFilter):
    title = parameter_name = "action"
    offered = Action.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(action=value)


class ActorFilter(OfferedFilter):
    title = "actor"
    parameter_name = "actor_kind"
    offered = ActorKind.choices

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(actor_kind=value)


class AuditTenantFilter(TenantFilter):
    """Audit rows hold a tenant's id alone: they outlive it."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = (self.value() or "").replace("\0", "").strip()
        if not wanted:
            return queryset
        if tenant_id := parse_id(wanted):
            return queryset.filter(tenant_id=tenant_id)
        return queryset.filter(tenant_id__in=Tenant.objects.filter(name__icontains=wanted).values("id"))


@admin.register(AuditEntry)
class AuditEntryAdmin(OperatorAdmin):
    """To read. `manage.py verify_audit` tells whether it can be believed."""

    list_display = ["at", "action_label", "actor_kind", "actor_label", "target_label", "tenant_id", "address"]
    list_filter = [ActionFilter, ActorFilter, AuditTenantFilter]
    search_fields = ["actor_label__icontains", "target_label__icontains", "request_id__exact"]
    search_help_text = "A part of an actor's or target's label, or a whole request id."
    fields = [
        *("id", "tenant_id", "number", "at", "action_label", "actor_kind", "actor_id", "actor_label"),
        *("target_id", "target_label", "before", "after", "address", "agent", "request_id"),
    ]

    @admin.display(description="action", ordering="action")
    def action_label(self, entry: AuditEntry) -> str:
        return ACTION_LABELS.get(entry.action, entry.action)


class SuspensionFilter(OfferedFilter):
    title = parameter_name = "state"
    offered = [("open", "open"), ("suspended", "suspended")]

    def narrow(self, queryset: Any, value: str) -> Any:
        return queryset.filter(suspended_at__isnull=value == "open")


class CapForm(forms.Form):
    cap = forms.IntegerField(
        label="Requests a minute", min_value=1, max_value=HIGHEST_RATE_LIMIT, required=False, help_text="Empty: no cap."
    )


@admin.register(Tenant)
class TenantAdmin(OperatorAdmin):
    list_display = ["name", "sector", "created_at", "suspended_at"]
    list_filter = [SuspensionFilter]
    search_fields = ["name", "id__istartswith"]
    search_help_text = "A name, or an id from its beginning."
    fields = ["id", "name", "sector", "created_at", "suspended_at", "keys_frozen_at"]
    fields += ["rate_limit_per_minute", "rate_limit_cap"]
    actions = ["suspend", "reactivate", "freeze", "unfreeze", "cap"]

    def actions_for(self, thing: Tenant) -> Sequence[str]:
        suspension = "reactivate" if thing.suspended_at else "suspend"
        return [suspension, "unfreeze" if thing.keys_frozen_at else "freeze", "cap"]

    @admin.action(description="Cap the requests of", permissions=["operate"])
    def cap(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        sent = "confirmed" in request.POST
        now = queryset.values_list("rate_limit_cap", flat=True).first()
        form = CapForm(request.POST if sent else None, initial={"cap": now})
        if not form.is_valid():
            warning = "Their keys together are told to wait beyond it. Admins can set a lower limit, not a higher one."
            return self.ask(request, queryset, warning, form)
        cap, actor = form.cleaned_data["cap"], actor_of(request)
        return self.operate(
            request,
            queryset,
            lambda tenant: cap_requests(tenant_id=tenant.id, cap=cap, actor=actor),
            done="capped" if cap else "uncapped",
        )

    @admin.action(description="Freeze the keys of", permissions=["operate"])
    def freeze(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.filter(keys_frozen_at=None),
            lambda tenant: freeze_keys(tenant_id=tenant.id, actor=actor_of(request)),
            done="frozen",
            warning="All their keys are refused at once, until they are unfrozen. People can still sign in.",
        )

    @admin.action(description="Unfreeze the keys of", permissions=["operate"])
    def unfreeze(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        frozen, actor = queryset.exclude(keys_frozen_at=None), actor_of(request)
        return self.operate(
            request, frozen, lambda tenant: unfreeze_keys(tenant_id=tenant.id, actor=actor), done="unfrozen"
        )

    @admin.action(description="Suspend", permissions=["operate"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        return self.operate(
            request,
            queryset.filter(suspended_at=None),
            lambda tenant: suspend_tenant(tenant=tenant, actor=actor_of(request)),
            done="suspended",
            warning="Their people and keys are refused at once, until they are reactivated. Nothing is deleted.",
        )

    @admin.action(description="Reactivate", permissions=["operate"])
    def reactivate(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse | None:
        suspended, actor = queryset.exclude(suspended_at=None), actor_of(request)
        return self.operate(
            request,
            suspended,
            lambda tenant: reactivate_tenant(tenant=tenant, actor=actor),
            done="reactivated",
        )
