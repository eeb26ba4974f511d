from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.key_report import find_reports, mails_of
from tenants.models import Role, Tenant
from tests.factories import changed_key, make_key, make_tenant, make_user

DAY = timedelta(days=1)
TUESDAY = datetime(2026, 11, 24, 6, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
FINE = {"last_used_at": TUESDAY, "expires_at": TUESDAY + 300 * DAY}


class BrokenForBob(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        if messages[0].to == ["bob@acme.example"]:
            raise SMTPServerDisconnected
        return int(super().send_messages(messages))


@pytest.mark.parametrize(
    ("columns", "is_due"),
    [
        ({"expires_at": TUESDAY + 30 * DAY}, True),
        ({"expires_at": TUESDAY + 29.5 * DAY}, True),
        ({"expires_at": TUESDAY + 29 * DAY}, False),
        ({"expires_at": TUESDAY + 10 * DAY}, True),
        ({"expires_at": TUESDAY + 9 * DAY}, False),
        ({"expires_at": TUESDAY + 1 * DAY}, True),
        ({"expires_at": TUESDAY + 1.5 * DAY}, False),
        ({"last_used_at": TUESDAY - 90 * DAY}, True),
        ({"last_used_at": TUESDAY - 91 * DAY}, False),
        ({"last_used_at": None}, False),
        ({"expires_at": None}, False),
    ],
)
def test_a_mail_is_due_at_its_mark(columns: dict[str, Any], is_due: bool, acme: Tenant) -> None:
    changed_key(acme, **(FINE | columns))
    (report,) = find_reports(TUESDAY)
    assert report.is_due is is_due


def test_what_stands_is_told_on_mondays(acme: Tenant) -> None:
    make_key(acme)
    (report,) = find_reports(MONDAY)
    assert report.is_due
    assert [section.title for section in report.sections] == ["Never used", "Never expire"]


def test_every_day_brings_each_mark_once(acme: Tenant) -> None:
    """A daily run, but for the Mondays, from 39.7 days before the end on."""
    changed_key(acme, last_used_at=TUESDAY + 20 * DAY, expires_at=TUESDAY + 39.7 * DAY)
    days = [TUESDAY + number * DAY for number in range(41)]
    due = [number for number, day in enumerate(days) if day.weekday() and any(r.is_due for r in find_reports(day))]
    assert due == [10, 30, 39]


def test_a_tenant_whose_keys_are_fine_gets_none(acme: Tenant) -> None:
    changed_key(acme, **FINE)
    assert list(find_reports(MONDAY)) == []


def test_a_suspended_tenant_gets_none(acme: Tenant) -> None:
    make_key(acme)
    Tenant.objects.update(suspended_at=MONDAY)
    assert list(find_reports(MONDAY)) == []


def test_the_active_admins_of_the_tenant_get_it_and_nobody_else(acme: Tenant, globex: Tenant) -> None:
    make_key(acme)
    make_user(acme, email="ada@acme.example")
    make_user(acme, email="bob@acme.example")
    make_user(acme, email="left@acme.example", is_active=False)
    make_user(acme, Role.EDITOR, email="editor@acme.example")
    make_user(globex, email="admin@globex.example")
    (report,) = find_reports(MONDAY)
    assert [message.to for message in mails_of(report)] == [["ada@acme.example"], ["bob@acme.example"]]


def test_the_mail_says_which_key_and_what_in_text_and_html(settings: Any) -> None:
    settings.PUBLIC_URL = "https://memgraph.example.com"
    tenant = make_tenant("Tom & <b>Jerry</b>")
    make_user(tenant)
    key, plaintext = make_key(tenant, name="<script>alert(1)</script>")
    (report,) = find_reports(MONDAY)
    (message,) = mails_of(report)
    (html, kind) = message.alternatives[0]
    assert kind == "text/html"
    assert message.subject == "API keys in Tom & <b>Jerry</b> that need attention"
    assert "Tom & <b>Jerry</b>" in message.body
    assert "<script>" in message.body
    assert "<script>" not in html
    assert "Tom &amp; &lt;b&gt;Jerry&lt;/b&gt;" in html
    for text in (message.body, html):
        assert "Never used: 1" in text
        assert f"{key.prefix}…{key.last4}" in text
        assert "https://memgraph.example.com" in text
        assert plaintext not in text


def test_the_command_lists_and_does_not_mail_without_mail(acme: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    key, _ = make_key(acme, name="forgotten")
    make_user(acme)
    call_command("key_report", "--mail-all")
    printed = capsys.readouterr().out
    assert f"Acme ({acme.id})" in printed
    assert f"{key.prefix}…{key.last4}  forgotten  never used, never expires" in printed
    assert mail.outbox == []


def test_the_command_mails_what_is_due(acme: Tenant, globex: Tenant, settings: Any) -> None:
    settings.EMAIL_CONFIGURED = True
    for tenant in (acme, globex):
        make_user(tenant, email=f"admin@{tenant.name.lower()}.example")
    changed_key(acme, last_used_at=timezone.now(), expires_at=timezone.now() + 9.5 * DAY)
    call_command("key_report")
    assert [message.to for message in mail.outbox] == [["admin@acme.example"]]


def test_one_address_that_fails_does_not_stop_the_others(
    acme: Tenant, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "tests.accounts.test_key_report.BrokenForBob"
    make_key(acme)
    for name in ("ada", "bob", "eve"):
        make_user(acme, email=f"{name}@acme.example")
    with pytest.raises(CommandError, match="1 e-mails"):
        call_command("key_report", "--mail-all")
    assert [message.to[0] for message in mail.outbox] == ["ada@acme.example", "eve@acme.example"]
    assert "not sent to bob@acme.example: SMTPServerDisconnected" in capsys.readouterr().err
