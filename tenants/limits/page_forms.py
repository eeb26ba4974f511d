"""Limits the size of a page's form. Checked before the CSRF check, because that makes Django read the form."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest

from tenants.limits.bodies import SMALL_BODY
from tenants.problems import PayloadTooLarge

View = TypeVar("View", bound=Callable[..., Any])


def takes(most: int | None) -> Callable[[View], View]:
    """Allows a page a form of up to `most` bytes, if it is `multipart/form-data`: Django decodes other forms slowly.

    None: the page checks the size itself.
    """

    def mark(view: View) -> View:
        view.largest_body = most  # type: ignore[attr-defined]
        return view

    return mark


def refuse_large_form(request: HttpRequest, view: Any) -> None:
    is_multipart = request.content_type == "multipart/form-data"
    most = getattr(view, "largest_body", SMALL_BODY) if is_multipart else SMALL_BODY
    if most is not None and body_size(request) > most:
        raise PayloadTooLarge(f"The form is larger than {most:,} bytes.")


def body_size(request: HttpRequest) -> int:
    """The size that the client declares. Django reads no more than that."""
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isascii() and length.isdigit() else 0
