"""The forms of the pages. The API's own serializers validate them, so that both follow the same rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from rest_framework.exceptions import APIException, AuthenticationFailed, ErrorDetail, ValidationError
from rest_framework.serializers import Serializer

from studio.field_errors import in_plain_words
from studio.submissions import claim, unclaim
from tenants.refusals import UNAUTHENTICATED
from tenants.serializers import checked


class NothingSerializer(Serializer[Any]):
    """For a form without fields, only a button."""


class Form:
    """The input of a form and its errors. Makes sure that the form takes effect only once.

    The field `once` identifies the form: see `submissions.py`.
    """

    def __init__(
        self,
        request: HttpRequest,
        serializer: type[Serializer[Any]],
        *,
        initial: dict[str, Any] | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        self.request = request
        self.serializer = serializer
        self.context = context or {}
        self.submitted = request.method == "POST"
        self.values: QueryDict | dict[str, Any] = request.POST.copy() if self.submitted else initial or {}
        self.errors: dict[str, str] = {}
        self.fault = ""  # of the form as a whole
        self.status = 200
        self.headers: dict[str, str] = {}
        self.claimed = ""
        self.code = ""  # why it was refused as a whole

    @property
    def confirms(self) -> bool:
        """Whether the form confirms an action that can't be undone: errors then say "changed" instead of "saved"."""
        return not {"confirm", "confirmed"}.isdisjoint(self.serializer().fields)

    @contextmanager
    def checking(self) -> Iterator[None]:
        """Catches refusals, to show them at their fields, in a form that keeps its input.

        Raises if the session has ended: the page then asks to sign in again.
        """
        try:
            yield
        except APIException as refusal:
            if self.claimed:
                unclaim(self.claimed)
            if is_session_over(refusal):
                raise
            self.set_errors(refusal)

    def fields(self, **more: Any) -> dict[str, Any]:
        """Returns the validated input, and marks the form as used."""
        fields = checked(self.serializer, self.values, context=self.context)
        self.claimed = claim(self.request)
        return {**fields, **more}

    def set_errors(self, refusal: APIException) -> None:
        self.status = 422 if isinstance(refusal, ValidationError) else refusal.status_code
        self.code = str(refusal.get_codes())
        if wait := getattr(refusal, "wait", None):
            self.headers["Retry-After"] = str(int(wait))
        if isinstance(refusal.detail, dict):
            self.errors = faults_of(refusal)
            unknown = [text for name, text in self.errors.items() if name not in self.serializer().fields]
            self.fault = " ".join(unknown)
        else:
            self.fault = sentence_of(refusal.detail)

    def show(self, template: str, **context: Any) -> HttpResponse:
        response = render(self.request, template, {"form": self, **context}, status=self.status)
        for name, value in self.headers.items():
            response[name] = value
        return response


def is_session_over(refusal: APIException) -> bool:
    """False for a wrong password, which the form reports itself."""
    return isinstance(refusal, AuthenticationFailed) and refusal.get_codes() in UNAUTHENTICATED


def only_sent(request: HttpRequest, *names: str) -> dict[str, Any]:
    """For forms that send some of their fields. From a QueryDict, serializers read a missing checkbox as unticked."""
    return {name: request.POST[name] for name in names if name in request.POST}


def faults_of(refusal: APIException) -> dict[str, str]:
    """The errors by field; empty if the refusal is not about fields."""
    if not isinstance(refusal.detail, dict):
        return {}
    return {str(name): sentence_of(detail) for name, detail in refusal.detail.items()}


def sentence_of(detail: Any) -> str:
    """All errors of a field, in one line."""
    if isinstance(detail, dict):
        return " ".join(sentence_of(inner) for inner in detail.values())
    if isinstance(detail, list):
        return " ".join(dict.fromkeys(sentence_of(inner) for inner in detail))
    return in_plain_words(str(detail)) if isinstance(detail, ErrorDetail) else ""
