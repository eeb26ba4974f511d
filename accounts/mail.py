"""Mail to people. It is sent in the background: nobody waits for the mail server, nor learns whom it knows."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template.loader import render_to_string

from accounts.models import Invitation, User
from tenants.problems import Unavailable

MOST_WAITING: Final = 100
BACKGROUND: Final = ThreadPoolExecutor(1, thread_name_prefix="mail")
waiting = BoundedSemaphore(MOST_WAITING)
logger = logging.getLogger("memgraph.mail")


def in_background(act: Callable[[], None]) -> None:
    """503 if too much is waiting. What waits is lost with its worker: people ask again."""
    if not waiting.acquire(blocking=False):
        raise Unavailable()
    BACKGROUND.submit(run, act)


def run(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as error:
        # Its text may hold the address.
        logger.error("A mail could not be sent.", extra={"error": type(error).__name__})
    finally:
        waiting.release()
        connection.close()


def mail_invitation(invitation: Invitation, link: str) -> None:
    if settings.EMAIL_CONFIGURED:
        context = {"invitation": invitation, "link": link}
        subject = f"Invitation to {invitation.tenant.name}"
        in_background(lambda: send("invitation", subject, invitation.email, context))


def mail_reset_link(user: User, link: str) -> None:
    send("reset", "Set a new password", user.email, {"user": user, "link": link})


def send(template: str, subject: str, address: str, context: dict[str, Any]) -> None:
    text, html = (render_to_string(f"email/{template}.{kind}", context) for kind in ("txt", "html"))
    mail = EmailMultiAlternatives(subject, text, to=[address])
    mail.attach_alternative(html, "text/html")
    mail.send()
