"""A form has its effect once: sent twice, by a double click or by reloading, it is refused the second time.

Its field `once` names it. The name is signed, so that nobody fills the table of counters with names of their own.
"""

from typing import Final

from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest

from tenants.ids import new_id
from tenants.limits import Limit, count, enforce, forgive
from tenants.network import client_address, network_of
from tenants.problems import Conflict

OPEN_SECONDS: Final = 2 * 3600  # how long a form may be open; for as long is it remembered that it was sent
SUBMISSIONS: Final = Limit("form", 1, OPEN_SECONDS)
SUBMISSIONS_BY_SENDER: Final = Limit("forms", 100, 600)  # of a session, or of a network of strangers
SIGNER: Final = TimestampSigner(salt="memgraph.studio.form")
TOO_OLD: Final = "This form was open for too long. Look through it, and send it again."
SENT_BEFORE: Final = "This form was sent before, and had its effect once. Look at the list before you send it again."


def name_form() -> str:
    """What the field `once` holds: names one showing of a form."""
    return SIGNER.sign(str(new_id()))


def claim(request: HttpRequest) -> str:
    """The form's name. 409 for one that is too old, or was claimed before."""
    once = request.POST.get("once", "")
    try:
        SIGNER.unsign(once, max_age=OPEN_SECONDS)
    except BadSignature:  # made up, or too old
        raise Conflict(TOO_OLD, code="form_expired") from None
    enforce(SUBMISSIONS_BY_SENDER, sender_of(request))
    if count(SUBMISSIONS, once).hits > 1:
        raise Conflict(SENT_BEFORE, code="sent_before")
    return once


def unclaim(once: str) -> None:
    """It was refused, and had no effect: it may be sent again."""
    forgive(SUBMISSIONS, once)


def sender_of(request: HttpRequest) -> str:
    principal = getattr(request, "principal", None)
    return f"session {principal.session_id}" if principal else f"ip {network_of(client_address(request))}"
