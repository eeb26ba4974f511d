from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.key_report import Report, find_reports, mails_of
from apikeys.models import APIKey


class Command(BaseCommand):
    help = (
        "Lists every tenant's keys that expire soon, are idle, were never used, never expire or violate the key policy."
        " If e-mail is configured, it also sends the report to each tenant's admins: every Monday, and when a key"
        " expires in 30, 10 or 1 days or becomes idle, after 90 days without use. Run it once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mail-all", action="store_true", help="send every tenant's report now, due or not")

    def handle(self, *args: Any, **options: Any) -> None:
        self.failures = 0
        for report in find_reports(timezone.now()):
            self.write_report(report)
            if getattr(settings, "EMAIL_CONFIGURED", False) and (report.is_due or options["mail_all"]):
                self.mail(report)
        if self.failures:
            raise CommandError(f"{self.failures} e-mails could not be sent.")

    def write_report(self, report: Report) -> None:
        self.stdout.write(f"{report.tenant.name} ({report.tenant.id})")
        for section in report.sections:
            self.stdout.write(f"  {section.title}: {section.total}")
            for key in section.keys:
                self.stdout.write(f"    {key.prefix}…{key.last4}  {key.name}  {when(key)}")

    def mail(self, report: Report) -> None:
        """An e-mail that can't be sent doesn't stop the others."""
        for mail in mails_of(report):
            try:
                mail.send()
            except (OSError, SMTPException) as error:
                self.failures += 1
                self.stderr.write(f"  not sent to {mail.to[0]}: {type(error).__name__}")
            else:
                self.stdout.write(f"  sent to {mail.to[0]}")


def when(key: APIKey) -> str:
    used = f"last used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
    return f"{used}, expires {key.expires_at:%Y-%m-%d}" if key.expires_at else f"{used}, never expires"
