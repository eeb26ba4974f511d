"""E-mails a tenant's admins about keys that need attention. It is in this app because it needs both keys and users."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.template.loader import render_to_string

from accounts.models import User
from apikeys.attention import key_health, keys_in_service
from apikeys.models import IDLE_AFTER, APIKey
from tenants.models import Role, Tenant

DAYS_BEFORE: Final = (30, 10, 1)
DAY: Final = timedelta(days=1)
MONDAY: Final = 0
TITLES: Final = {
    "ends_soon": "Expire within 30 days",
    "idle": "Not used for 90 days",
    "never_used": "Never used",
    "without_expiry": "Never expire",
    "against_policy": "Violate the key policy",
}


class Section(NamedTuple):
    title: str
    total: int
    keys: list[APIKey]


class Report(NamedTuple):
    """One tenant's keys that need attention, and whether an e-mail is due today."""

    tenant: Tenant
    sections: list[Section]
    is_due: bool


def find_reports(now: datetime) -> Iterator[Report]:
    """One report for each tenant with keys that need attention. Suspended tenants get none."""
    for tenant in Tenant.objects.filter(suspended_at=None).order_by("id").iterator():
        if sections := sections_of(tenant, now):
            yield Report(tenant, sections, is_due(tenant, now))


def sections_of(tenant: Tenant, now: datetime) -> list[Section]:
    health = key_health(tenant.id, now=now)
    sections = [Section(title, health[name]["count"], list(health[name]["items"])) for name, title in TITLES.items()]
    return [section for section in sections if section.total]


def is_due(tenant: Tenant, now: datetime) -> bool:
    """An e-mail is due every Monday, and when a key expires in 30, 10 or 1 days or becomes idle.

    Assumes one run per day. Sent e-mails are not recorded. If a day's run is missed, the admins are told on Monday.
    """
    if now.weekday() == MONDAY:
        return True
    newly_due = Q(last_used_at__lte=now - IDLE_AFTER, last_used_at__gt=now - IDLE_AFTER - DAY)
    for days in DAYS_BEFORE:
        newly_due |= Q(expires_at__lte=now + days * DAY, expires_at__gt=now + (days - 1) * DAY)
    return keys_in_service(tenant.id, now=now).filter(newly_due).exists()


def mails_of(report: Report) -> list[EmailMultiAlternatives]:
    """One e-mail for each active admin of the tenant, as text and HTML."""
    context = {"tenant": report.tenant, "sections": report.sections, "url": settings.PUBLIC_URL}
    subject = f"API keys in {report.tenant.name} that need attention"
    text, html = (render_to_string(f"email/key_report.{kind}", context) for kind in ("txt", "html"))
    admins = User.objects.filter(tenant=report.tenant, role=Role.ADMIN, is_active=True).order_by("id")
    mails = [EmailMultiAlternatives(subject, text, to=[email]) for email in admins.values_list("email", flat=True)]
    for mail in mails:
        mail.attach_alternative(html, "text/html")
    return mails
