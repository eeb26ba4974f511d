"""API keys: their use, how to create, edit, rotate and revoke them, and how to undo what they wrote."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from rest_framework import serializers

from apikeys.models import APIKey
from apikeys.policy import longest_lifetime, needs_expiry, successors_expiry
from apikeys.serializers import RotateSerializer
from apikeys.services import change_key, create_key, revoke_key, rotate_key
from memory.models import Belief, Event
from memory.removal.undo import undo_writes
from memory.removal.views import NOT_UNDONE
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.confirmation import ConfirmSerializer
from studio.forms import Form
from studio.key_forms import KeyChangesSerializer, NewKeySerializer, TakeBackSerializer
from studio.key_state import STATES, why_not
from studio.lost_updates import changes_of, shown
from studio.plurals import counted_all
from studio.queries import MOST_KEYS, listed_keys, written_by_key
from tenants.actor import actor_of
from tenants.models import Role, Tenant
from tenants.permissions import IsTenantAdmin

LIFETIMES: Final = {"30": "30 days", "60": "60 days", "90": "90 days", "365": "1 year"}
USUAL: Final = "90"
GRACES: Final = {"0": "Immediately", "3600": "In 1 hour", "86400": "In 1 day", "604800": "In 7 days"}
ROLES: Final = {
    Role.VIEWER: "Can read events, beliefs, episodes and statistics. For dashboards.",
    Role.EDITOR: "Can also write them. For most agents.",
    Role.ADMIN: "Can also export and import everything. For backups and migrations.",
}
EDITABLE: Final = {"name": "The name", "allowed_ips": "The IP allowlist", "rate_limit_per_minute": "The rate limit"}
LATELY: Final = timedelta(days=1)
NEWEST: Final = 10


@page(IsTenantAdmin)
def keys(request: PageRequest) -> HttpResponse:
    wanted = {name: request.GET.get(name, "")[:100] for name in ("status", "name", "sort")}
    rows = list(listed_keys(request.principal.tenant_id, **wanted))
    context = {"keys": rows, "wanted": wanted, "statuses": STATES, "most": MOST_KEYS}
    return render(request, "studio/keys/list.html", context | {"filtered": bool(wanted["status"] or wanted["name"])})


@page(IsTenantAdmin, form=True)
def new(request: PageRequest) -> HttpResponse:
    """Only the response to the POST shows the key. Reloading the page or coming back doesn't show it again."""
    tenant = Tenant.objects.get(id=request.principal.tenant_id)
    form = Form(request, NewKeySerializer, initial={"role": Role.EDITOR, "lifetime": usual_lifetime(tenant)})
    if form.submitted:
        with form.checking():
            read_key_form(form.values)
            key, plaintext = create_key(tenant_id=tenant.id, actor=actor_of(request), **form.fields())
            return shown_once(request, key, plaintext)
    if form.code == "sent_before":
        return form.show("studio/keys/made.html", key=newest_of(request, form.values.get("name", "")))
    return form.show("studio/keys/new.html", roles=ROLES, lifetimes=lifetimes(tenant), endless=not needs_expiry(tenant))


def newest_of(request: PageRequest, name: str) -> APIKey | None:
    """The key that a resubmitted form has most likely made: the user's newest key of that name."""
    mine = APIKey.objects.for_tenant(request.principal.tenant_id).filter(created_by_id=request.principal.id)
    return mine.filter(name=name.strip()).order_by("-id").first()


def lifetimes(tenant: Tenant) -> dict[str, str]:
    """The lifetimes in days that the form offers, if the key policy allows them."""
    longest = longest_lifetime(tenant)
    return {days: label for days, label in LIFETIMES.items() if not longest or timedelta(days=int(days)) <= longest}


def usual_lifetime(tenant: Tenant) -> str:
    allowed = lifetimes(tenant)
    return USUAL if USUAL in allowed else next(reversed(allowed), "own")


def read_key_form(values: Any) -> None:
    """Turns the form's lifetime into the fields that the service expects."""
    lifetime = values.get("lifetime")
    if lifetime == "own":
        values["expires_at"] = f"{values.get('until', '')}T23:59:59Z"
    elif lifetime != "never":
        values["expires_in_days"] = lifetime or USUAL


def shown_once(request: PageRequest, key: APIKey, plaintext: str, *, old: APIKey | None = None) -> HttpResponse:
    context = {"key": key, "api_key": plaintext, "old": old, "url": settings.PUBLIC_URL}
    return render(request, "studio/keys/shown.html", context)


def get_key(request: PageRequest, id: str) -> APIKey:
    return APIKey.objects.for_tenant(request.principal.tenant_id).select_related("tenant").with_id(id)


@page(IsTenantAdmin)
def key(request: PageRequest, id: str) -> HttpResponse:
    found = get_key(request, id)
    context = {"key": found, **written_by(found)}
    return render(request, "studio/keys/key.html", context)


def written_by(key: APIKey) -> dict[str, Any]:
    with tenant_transaction(key.tenant_id):
        events = Event.objects.for_tenant(key.tenant_id).filter(written_by_key=key.id)
        beliefs = Belief.objects.for_tenant(key.tenant_id).active().filter(written_by_key=key.id)
        return {
            "events": list(events.order_by("-occurred_at", "-id")[:NEWEST]),
            "beliefs": list(beliefs.order_by("-id")[:NEWEST]),
            "written": written_by_key(key),
        }


@page(IsTenantAdmin)
def use(request: PageRequest, id: str) -> HttpResponse:
    """When a key was last used: the part of its page that refreshes itself."""
    return render(request, "studio/keys/use.html", {"key": get_key(request, id)})


def turn_away(request: PageRequest, key: APIKey, refusal: str) -> HttpResponse:
    messages.warning(request, refusal)
    return redirect("studio:keys-key", id=key.id)


@page(IsTenantAdmin, form=True)
def edit(request: PageRequest, id: str) -> HttpResponse:
    found = get_key(request, id)
    if refusal := why_not(found, "edit"):
        return turn_away(request, found, refusal)
    form = Form(request, KeyChangesSerializer, initial=shown(editable(found)))
    if form.submitted:
        with form.checking():
            fields = form.fields()
            changed = change_key(
                key=found,
                changes=lambda now: changes_of(form, fields, editable(now), EDITABLE),
                actor=actor_of(request),
            )
            messages.success(request, f"Key {changed.name} was saved.")
            return redirect("studio:keys-key", id=id)
    return form.show("studio/keys/edit.html", key=found)


def editable(key: APIKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in EDITABLE}


@page(IsTenantAdmin, form=True)
def rotate(request: PageRequest, id: str) -> HttpResponse:
    found = get_key(request, id)
    if refusal := why_not(found, "rotate"):
        return turn_away(request, found, refusal)
    form = Form(request, RotateSerializer, initial={"grace_seconds": "86400"})
    if form.submitted:
        with form.checking():
            grace = timedelta(seconds=form.fields()["grace_seconds"])
            rotated = rotate_key(key=found, grace=grace, actor=actor_of(request))
            return shown_once(request, rotated.key, rotated.api_key, old=rotated.old)
    new_end = successors_expiry(
        found.tenant, now=timezone.now(), created_at=found.created_at, expires_at=found.expires_at
    )
    return form.show("studio/keys/rotate.html", key=found, graces=GRACES, new_end=new_end)


@page(IsTenantAdmin, form=True)
def revoke(request: PageRequest, id: str) -> HttpResponse:
    found = get_key(request, id)
    if refusal := why_not(found, "revoke"):
        return turn_away(request, found, refusal)
    form = Form(request, ConfirmSerializer, context={"name": found.name, "what": "name"})
    if form.submitted:
        with form.checking():
            form.fields()
            revoke_key(key=found, actor=actor_of(request))
            messages.success(request, f"Key {found.name} was revoked and no longer works.")
            return redirect("studio:keys-key", id=id)
    used_lately = found.last_used_at is not None and found.last_used_at > timezone.now() - LATELY
    return form.show("studio/keys/revoke.html", key=found, used_lately=used_lately)


@page(IsTenantAdmin, form=True)
def undo(request: PageRequest, id: str) -> HttpResponse:
    """Undoes what a key wrote. A dry run shows the counts first."""
    found = get_key(request, id)
    form = Form(request, TakeBackSerializer, initial={"since": f"{found.created_at:%Y-%m-%dT%H:%M}"})
    undone = None
    if form.submitted:
        with form.checking():
            fields = form.fields()
            since, dry_run = fields["since"], not fields["confirmed"]
            undone = undo_writes(key=found, since=since, dry_run=dry_run, actor=actor_of(request))
            if not dry_run:
                taken = {"event": undone.events, "belief": undone.beliefs.removed, "episode": undone.episodes}
                messages.success(request, f"Removed: {counted_all(taken)}.")
                return redirect("studio:keys-key", id=id)
            if "act" in form.values:
                raise serializers.ValidationError({"confirmed": ["Tick this box to continue."]})
    return form.show("studio/keys/undo.html", key=found, undone=undone, not_undone=NOT_UNDONE)
