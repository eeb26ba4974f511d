"""Sends e-mail in the background, so that no request waits for the mail server or reveals an account by its time."""

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


def in_background(task: Callable[[], None]) -> None:
    """503 if 100 tasks are waiting.

    Queued tasks are lost when the worker stops; users then have to repeat the request.
    """
    if not waiting.acquire(blocking=False):
        raise Unavailable()
    BACKGROUND.submit(run, task)


def run(task: Callable[[], None]) -> None:
    try:
        task()
    except Exception as error:
        # Only the error's type, because its text may contain the e-mail address.
        logger.error("An e-mail could not be sent.", extra={"error": type(error).__name__})
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


def send(template: str, subject: str, email: str, context: dict[str, Any]) -> None:
    text, html = (render_to_string(f"email/{template}.{kind}", context) for kind in ("txt", "html"))
    mail = EmailMultiAlternatives(subject, text, to=[email])
    mail.attach_alternative(html, "text/html")
    mail.send()
