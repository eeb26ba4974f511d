"""Beliefs: the active ones, their history, and corrections."""

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from rest_framework import serializers

from memory.beliefs.forgetting import forget_beliefs
from memory.beliefs.serializers import BeliefChangesSerializer, BeliefFilterSerializer, SoftSerializer
from memory.beliefs.services import revise_belief
from memory.models import Belief
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.confirmation import ConfirmSerializer
from studio.forms import Form
from studio.listing import Listing
from studio.queries import key_choices, writer_names
from studio.templatetags.studio import user_page
from tenants.actor import actor_of
from tenants.limits.bodies import LARGE_FORM
from tenants.limits.page_forms import takes
from tenants.permissions import IsTenantEditor
from tenants.problems import Conflict
from tenants.serializers import checked

CHANGED_MEANWHILE: Final = ("changed_meanwhile", "belief_not_active")


@page()
def beliefs(request: PageRequest) -> HttpResponse:
    """Lists the active beliefs."""
    tenant_id = request.principal.tenant_id
    listing = Listing(request, BeliefFilterSerializer)
    with tenant_transaction(tenant_id):
        listing.take(Belief.objects.for_tenant(tenant_id).active(), ordering=("-id",), name="beliefs")
    return listing.show(
        "studio/memory/beliefs.html",
        keys=key_choices(request.principal),
        types=Belief.Type.values,
    )


class NoFilterSerializer(serializers.Serializer[Any]):
    """The history of a belief has no filters."""


@page()
def belief(request: PageRequest, id: str) -> HttpResponse:
    """Shows one version, and all versions of its subject and key."""
    tenant_id = request.principal.tenant_id
    listing = Listing(request, NoFilterSerializer)
    with tenant_transaction(tenant_id):
        found = Belief.objects.for_tenant(tenant_id).with_id(id)
        versions = Belief.objects.for_tenant(tenant_id).of_key(found.subject_id, found.key)
        listing.take(versions, ordering=("-created_at", "-id"), name=f"belief {found.subject_id} {found.key}")
    return listing.show(
        "studio/memory/belief.html",
        belief=found,
        may_write=IsTenantEditor.allows(request.principal),
        writers=writer_names(tenant_id, [found, *listing.rows]),
    )


def get_belief(request: PageRequest, id: str) -> Belief:
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id):
        return Belief.objects.for_tenant(tenant_id).with_id(id)


@takes(LARGE_FORM)
@page(IsTenantEditor, form=True)
def edit(request: PageRequest, id: str) -> HttpResponse:
    """Reports a change made since the form was shown. Sent again, the form changes the version active by then."""
    found = get_belief(request, id)
    if found.ended_at and request.method != "POST":
        return to_active(request, found)
    initial = {name: getattr(found, name) for name in ("value", "confidence", "belief_type")}
    initial |= {"domain": found.domain or "", "seen": found.updated_at.isoformat()}
    form = Form(request, BeliefChangesSerializer, initial=initial)
    now = found
    writers: dict[UUID, str] = {}
    if form.submitted:
        with form.checking():
            form.values["value"] = typed_value(form.values.get("value", ""), found.value)
            revised = revise(request, id, form.fields())
            messages.success(request, "Saved." if revised.id == found.id else "Saved as a new version.")
            return redirect("studio:beliefs-belief", id=revised.id)
    changed = form.code in CHANGED_MEANWHILE
    if changed:
        now = active_version(found) or get_belief(request, id)
        form.values["seen"] = now.updated_at.isoformat()
        writers = writer_names(found.tenant_id, [now])
    context = {"belief": now, "changed": changed, "is_newer": now.id != found.id, "writers": writers}
    return form.show("studio/memory/belief_edit.html", types=Belief.Type.values, **context)


def to_active(request: PageRequest, belief: Belief) -> HttpResponse:
    active = active_version(belief)
    if active is None:
        return redirect("studio:beliefs-belief", id=belief.id)  # that page says that it was deactivated
    messages.warning(request, "The version that you opened is no longer active. This is the active version.")
    return redirect("studio:beliefs-edit", id=active.id)


def active_version(belief: Belief) -> Belief | None:
    with tenant_transaction(belief.tenant_id):
        return Belief.objects.for_tenant(belief.tenant_id).of_key(belief.subject_id, belief.key).active().first()


def typed_value(typed: str, value: str) -> str:
    """Browsers send every line break as CR LF. An unedited value must not look like a new one."""
    typed = with_unix_breaks(typed)
    return value if typed == with_unix_breaks(value) else typed


def with_unix_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def revise(request: PageRequest, id: str, changes: dict[str, Any]) -> Belief:
    """409 if the belief has changed since the form was shown."""
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id, by=request.principal):
        current = Belief.objects.for_tenant(tenant_id).select_for_update().with_id(id)
        if current.updated_at.isoformat() != request.POST.get("seen"):
            raise Conflict("This belief was changed while the form was open.", code="changed_meanwhile")
        return revise_belief(principal=request.principal, belief=current, changes=changes)


class ForgetBeliefSerializer(SoftSerializer):
    """Deleting can't be undone, so it is confirmed by typing the belief's key. Deactivating is not."""

    confirm = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["soft"]:
            checked(ConfirmSerializer, {"confirm": attrs.get("confirm", "")}, context=self.context)
        return attrs


@page(IsTenantEditor, form=True)
def forget(request: PageRequest, id: str) -> HttpResponse:
    found = get_belief(request, id)
    form = Form(request, ForgetBeliefSerializer, context={"name": found.key, "what": "belief's key"})
    if form.submitted:
        with form.checking():
            return forget_versions(request, found, soft=form.fields()["soft"])
    return form.show("studio/memory/belief_forget.html", belief=found, versions=count_versions(found))


def count_versions(belief: Belief) -> dict[str, int]:
    with tenant_transaction(belief.tenant_id):
        versions = Belief.objects.for_tenant(belief.tenant_id).of_key(belief.subject_id, belief.key)
        return versions.aggregate(total=Count("*"), active=Count("id", filter=Q(ended_at=None)))


def forget_versions(request: PageRequest, belief: Belief, *, soft: bool) -> HttpResponse:
    versions = {"subject_id": belief.subject_id, "key": belief.key}
    count = forget_beliefs(tenant_id=belief.tenant_id, wanted=versions, soft=soft, actor=actor_of(request))
    if soft:
        said = (
            "The belief was deactivated. Searches no longer find it." if count else "The belief had no active version."
        )
        messages.success(request, said)
        return redirect("studio:beliefs-belief", id=belief.id)
    messages.success(request, f"Permanently deleted: {count:,} version{'' if count == 1 else 's'}.")
    return redirect(user_page(belief.subject_id))
