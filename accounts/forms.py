from dataclasses import replace
from typing import Any, cast

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.db import transaction
from django.http import HttpRequest

from accounts.limits import Guess, note_refusal
from accounts.models import User, normalize_address
from accounts.validators import LONGEST
from tenants.actions import Action
from tenants.actor import Actor, ActorKind, actor_of
from tenants.audit import Target, record
from tenants.metrics import SIGN_INS
from tenants.problems import TooManyRequests, Unavailable
from tenants.slots import PASSWORD_HASHING


class LimitedSignInForm(AdminAuthenticationForm):
    """The Django admin's sign-in: limited, audited and counted together with the API's."""

    password = forms.CharField(
        strip=False,
        max_length=LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        email = normalize_address(self.cleaned_data["username"])
        user = User.objects.filter(email=email).first()
        actor = actor_of(cast("HttpRequest", self.request))
        try:
            with PASSWORD_HASHING.take():
                guess = Guess.begin(email=email, user=user, actor=actor)
                cleaned: dict[str, Any] = super().clean()
        except (TooManyRequests, Unavailable) as refusal:
            raise forms.ValidationError(str(refusal.detail), code=refusal.default_code) from None
        except forms.ValidationError:
            note_refusal(user, email, actor)
            raise
        guess.take_back()
        note_sign_in(self.get_user(), actor)
        return cleaned


def note_sign_in(operator: User, actor: Actor) -> None:
    SIGN_INS.labels("accepted").inc()
    actor = replace(actor, kind=ActorKind.OPERATOR, id=operator.id, label=operator.email)
    with transaction.atomic():
        record(Action.SIGN_IN_ACCEPTED, actor=actor, tenant_id=None, target=Target(operator.id, operator.email))
