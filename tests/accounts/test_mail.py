"""Links by mail, where there is a mail server: in the background, so that no answer tells by its time."""

import re
import time
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.mail import BACKGROUND
from accounts.models import ResetToken, User
from accounts.passwords import make_reset_link
from tenants.actor import command_line_actor
from tenants.audit.actions import Action
from tenants.models import Role
from tests.accounts.people import NEW_PASSWORD, audited, last_entry, sign_in
from tests.factories import PASSWORD, client_for, make_tenant, make_user

pytestmark = pytest.mark.django_db(transaction=True)
LINK = re.compile(r"http://127\.0\.0\.1:8001/studio/(?:reset|invitation)#([A-Za-z0-9_-]{43})\b")


@pytest.fixture(autouse=True)
def mail_server(settings: Settings) -> None:
    settings.EMAIL_CONFIGURED = True


@pytest.fixture
def ada() -> User:
    return make_user(make_tenant("Acme & <b>Sons</b>"), Role.EDITOR, email="ada@acme.example", password=PASSWORD)


def all_sent() -> None:
    """Waits for what was given to the background before."""
    BACKGROUND.submit(lambda: None).result(10)


def ask(email: str) -> Any:
    return APIClient().post("/v1/auth/password-reset", {"email": email})


def test_a_person_sets_a_new_password_by_mail(ada: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    assert ask("ADA@acme.example").status_code == 200
    all_sent()
    (mail,) = mailoutbox
    assert (mail.to, mail.from_email) == ([ada.email], "memgraph@127.0.0.1")
    (html, kind) = mail.alternatives[0]
    assert kind == "text/html"
    (token,) = LINK.findall(mail.body)
    assert LINK.findall(html) == [token]
    assert "Acme & <b>Sons</b>" in mail.body
    assert "Acme &amp; &lt;b&gt;Sons&lt;/b&gt;" in html
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert APIClient().post("/v1/auth/password-reset/confirm", body).status_code == 200
    assert sign_in(ada.email, NEW_PASSWORD).status_code == 200
    assert audited(ada.tenant)[0] == Action.PASSWORD_RESET_LINK_MADE


@pytest.mark.parametrize("who", ["unknown", "inactive", "operator", "suspended"])
def test_nobody_else_gets_a_mail(who: str, ada: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    make_user(ada.tenant, email="inactive@acme.example", is_active=False)
    User.objects.create_superuser("operator@acme.example")
    make_user(make_tenant(suspended_at="2026-01-01T00:00Z"), email="suspended@acme.example")
    assert ask(f"{who}@acme.example").status_code == 200
    all_sent()
    assert not mailoutbox
    assert not ResetToken.objects.exists()


def test_the_answer_waits_for_no_mail_server(
    ada: User, settings: Settings, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.test_mail.SlowBackend"
    began = time.monotonic()
    assert ask(ada.email).status_code == 200
    assert time.monotonic() - began < SlowBackend.seconds / 2
    all_sent()
    assert ResetToken.objects.count() == 1


class SlowBackend:
    """A mail server that takes its time, and then refuses."""

    seconds = 2

    def __init__(self, **options: Any) -> None:
        pass

    def send_messages(self, messages: list[EmailMultiAlternatives]) -> int:
        time.sleep(self.seconds)
        raise ConnectionRefusedError(str(messages[0].to))


def test_a_mail_that_fails_is_logged_without_its_address(
    ada: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.test_mail.SlowBackend"
    ask(ada.email)
    all_sent()
    assert "could not be sent" in caplog.text
    assert ada.email not in caplog.text


def test_an_invitation_is_mailed_and_shown(mailoutbox: list[EmailMultiAlternatives]) -> None:
    admin = make_user(make_tenant("Acme"), email="admin@acme.example")
    answer = client_for(admin).post("/v1/invitations", {"email": "guest@acme.example", "role": "viewer"}).json()
    all_sent()
    (mail,) = mailoutbox
    assert answer["mailed"] is True
    assert (mail.to, mail.subject) == (["guest@acme.example"], "Invitation to Acme")
    assert LINK.search(mail.body)[0] == answer["link"]
    assert answer["link"] in mail.alternatives[0][0]
    assert "admin@acme.example" in mail.body
    assert last_entry(admin.tenant).action == Action.INVITATION_CREATED


def test_a_link_never_follows_the_host_header(ada: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    headers = {"HTTP_HOST": "localhost", "HTTP_X_FORWARDED_HOST": "evil.example"}
    assert APIClient().post("/v1/auth/password-reset", {"email": ada.email}, **headers).status_code == 200
    all_sent()
    assert len(LINK.findall(mailoutbox[0].body)) == 1
    assert "evil" not in str(mailoutbox[0].message())


def test_five_mails_an_hour_and_then_silence(ada: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    """Silence and no refusal: a stranger who asks all the time must not keep the person from asking."""
    assert [ask(ada.email).status_code for _ in range(7)] == [200] * 7
    all_sent()
    assert len(mailoutbox) == 5


def test_what_a_stranger_asks_for_takes_away_no_link(ada: User, mailoutbox: list[EmailMultiAlternatives]) -> None:
    made = make_reset_link(user=ada, actor=command_line_actor()).link
    ask(ada.email)
    all_sent()
    body = {"token": made.partition("#")[2], "new_password": NEW_PASSWORD}
    assert APIClient().post("/v1/auth/password-reset/confirm", body).status_code == 200
