from typing import Any, cast

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from accounts.models import User
from accounts.operator_sessions import session_id_of
from accounts.operators import sign_in_operator
from accounts.passwords import change_own_password
from accounts.validators import LONGEST
from tenants.actor import actor_of
from tenants.problems import TooManyRequests, Unavailable


class LimitedSignInForm(AdminAuthenticationForm):
    """The Django admin's sign-in form. It shares the limits, the audit log and the metrics of the API's sign-in."""

    password = forms.CharField(
        strip=False,
        max_length=LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        request = cast("HttpRequest", self.request)
        try:
            sign_in_operator(email=self.cleaned_data["username"], check=self.check_user, actor=actor_of(request))
        except (TooManyRequests, Unavailable) as refusal:
            raise forms.ValidationError(str(refusal.detail), code=refusal.default_code) from None
        request.session.flush()  # ends any session that this browser had before
        return self.cleaned_data

    def check_user(self) -> User:
        super().clean()
        user: User = self.get_user()
        return user


class LimitedPasswordChangeForm(AdminPasswordChangeForm):
    """Changes an operator's own password, with the limits and audit rows of the API's password change."""

    def __init__(self, user: User, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.request = request
        for field in self.fields.values():
            cast("forms.CharField", field).validators.append(MaxLengthValidator(LONGEST))

    def clean_old_password(self) -> str:
        """Leaves the check to `clean`, so that a guess only counts if the new password is acceptable."""
        return str(self.cleaned_data["old_password"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        if self.errors:
            return cleaned
        try:
            change_own_password(
                user=self.user,
                current_password=cleaned["old_password"],
                new_password=cleaned["new_password1"],
                keep=session_id_of(self.request),
                actor=actor_of(self.request),
            )
        except (TooManyRequests, Unavailable) as refusal:
            raise forms.ValidationError(str(refusal.detail), code=refusal.default_code) from None
        except ValidationError:
            self.add_error("old_password", self.error_messages["password_incorrect"])
        return cleaned

    def save(self, commit: bool = True) -> User:  # noqa: FBT001, FBT002 - Django's signature
        """Changes nothing. `clean` has changed the password, because only `clean` can show errors."""
        return self.user
