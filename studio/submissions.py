"""Refuses a form that is sent twice, by a double click or by reloading.

The field `once` identifies the form. The id is signed, so that nobody can fill the table of counters with made-up ones.
"""

from typing import Final

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from tenants.ids import new_id
from tenants.limits.limit import Limit, count, enforce, forgive
from tenants.network import client_address, network_of
from tenants.problems import Conflict

OPEN_SECONDS: Final = 2 * 3600  # how long a form may be open, and how long we remember that it was sent
SUBMISSIONS: Final = Limit("form", 1, OPEN_SECONDS)
SUBMISSIONS_BY_SENDER: Final = Limit("forms", 100, 600)  # per session, or per network if nobody is signed in
SIGNER: Final = TimestampSigner(salt="memgraph.studio.form")
TOO_OLD: Final = "This form was open for too long. Check your input and send it again."
SENT_BEFORE: Final = "This form has already been sent and took effect. Check the list before you send it again."


def name_form() -> str:
    """Creates the value of the field `once`."""
    return SIGNER.sign(str(new_id()))


def claim(request: HttpRequest) -> str:
    """Returns the form's id. 409 if the form is too old or was sent before."""
    once = request.POST.get("once", "")
    try:
        SIGNER.unsign(once, max_age=OPEN_SECONDS)
    except BadSignature:  # forged or too old
        raise Conflict(TOO_OLD, code="form_expired") from None
    enforce(SUBMISSIONS_BY_SENDER, sender_of(request))
    if count(SUBMISSIONS, once).hits > 1:
        raise Conflict(SENT_BEFORE, code="sent_before")
    return once


def unclaim(once: str) -> None:
    """Lets a form be sent again after it was refused."""
    forgive(SUBMISSIONS, once)


def sender_of(request: HttpRequest) -> str:
    principal = getattr(request, "principal", None)
    return f"session {principal.session_id}" if principal else f"ip {network_of(client_address(request))}"
