import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from django import template
from django.contrib.staticfiles import finders
from django.forms.utils import pretty_name
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apikeys.models import APIKey
from memory.models import Event
from studio.audit_sentences import ACTIONS, ACTORS
from studio.devices import device_of
from studio.key_state import TONES, state_of
from studio.plurals import counted
from studio.submissions import name_form
from tenants.models import AuditEntry

register = template.Library()
register.filter("label", pretty_name)
DAY: Final = 86400
UNITS: Final = ((60, "minute", 60), (3600, "hour", 24), (DAY, "day", 61), (365 * DAY / 12, "month", 12))


@register.simple_tag
def asset(path: str) -> str:
    """The URL of a static file. It changes with the content, so browsers may cache the file for ever."""
    return f"{static(path)}?v={fingerprint(path)}"


@cache
def fingerprint(path: str) -> str:
    found = finders.find(path)
    if not isinstance(found, str):
        raise LookupError(path)
    with open(found, "rb") as file:  # noqa: PTH123 - the finder returns a string
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


@register.simple_tag
def once() -> str:
    return name_form()


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """A time in UTC. The script shows it in the reader's time zone, with UTC on hover."""
    if value is None:
        return "-"
    utc = value.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{} UTC</time>',
        utc.isoformat(timespec="milliseconds"),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        f"{utc:%-d %b %Y, %H:%M}",
    )


@register.filter
def ago(value: datetime | None, never: str = "never") -> SafeString | str:
    """How long ago, or in how long, with the exact time on hover."""
    if value is None:
        return never
    seconds = (timezone.now() - value).total_seconds()
    utc = value.astimezone(UTC)
    if abs(seconds) < 60:
        text = "just now" if seconds >= 0 else "in a moment"
    else:
        text = f"in {span(-seconds)}" if seconds < 0 else f"{span(seconds)} ago"
    return format_html(
        '<time datetime="{}" title="{} UTC" data-relative>{}</time>',
        utc.isoformat(timespec="milliseconds"),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        text,
    )


def span(seconds: float) -> str:
    """Rounds to the nearest unit, so that 30 days are not shown as 29 a second later."""
    for size, name, most in UNITS:
        if (number := round(seconds / size)) < most:
            return counted(name, number)
    return counted("year", round(seconds / (365 * DAY)))


@register.filter
def masked(key: APIKey) -> str:
    return f"{key.prefix}…{key.last4}"


@register.simple_tag
def key_state(key: APIKey) -> dict[str, str]:
    word = state_of(key)
    return {"word": word, "tone": TONES.get(word, "bad")}


@register.filter
def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


@register.filter
def user_page(name: str) -> str:
    """The name is in the query string, because it may contain slashes and dots."""
    return f"{reverse('studio:users-user')}?{urlencode({'id': name})}"


@register.filter
def thread_page(name: str) -> str:
    return f"{reverse('studio:events')}?{urlencode({'thread_id': name})}"


@register.filter
def entry(mapping: Any, name: str) -> Any:
    """Looks up a key that the template holds in a variable; "" if it is missing."""
    return mapping.get(name, "") if mapping else ""


@register.filter
def grouped(number: int) -> str:
    return f"{number:,}"


@register.filter
def action_words(row: AuditEntry) -> str:
    return ACTIONS.get(row.action, row.action)


@register.filter
def actor_words(row: AuditEntry) -> str:
    """The kind of actor. Pages show it unless the actor is a user with a name."""
    return ACTORS.get(row.actor_kind, row.actor_kind)


@register.filter
def device(agent: str) -> str:
    return device_of(agent)


@register.filter
def pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


@register.filter
def said(event: Event) -> str:
    """An event in one line: its text, or else its JSON."""
    text = event.content.get("text")
    return text if isinstance(text, str) and text else json.dumps(event.content, ensure_ascii=False)
