"""A workspace with something of everything, much of it named by somebody who means harm or writes from the right."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx
from django.utils import timezone

from accounts.models import User
from memory.models import Belief
from tenants.models import Role, Tenant
from tests.factories import (
    changed_key,
    make_belief,
    make_episode,
    make_event,
    make_invitation,
    make_key,
    make_tenant,
    make_token,
    make_user,
)

MARKUP: Final = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;{{ 7 }}"
RIGHT_TO_LEFT: Final = "\u202e\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u202e abc"
LONG: Final = "W" * 200
HOSTILE: Final = (MARKUP, RIGHT_TO_LEFT, LONG)
DAYS: Final = 30


@dataclass(frozen=True)
class Workspace:
    tenant: Tenant
    people: dict[str, User]
    tokens: dict[str, str]  # by role: what the cookie holds
    api_key: str


def fill_workspace() -> Workspace:
    tenant = make_tenant(f"Acme {MARKUP}"[:100])
    people = {role: make_user(tenant, role, full_name=LONG[:150]) for role in Role.values}
    for number, name in enumerate(HOSTILE):
        make_user(tenant, Role.VIEWER, full_name=name[:150], is_active=number != 1)
        make_invitation(tenant, invited_by_label=name)
    make_user(tenant, Role.EDITOR, email=f"{'w' * 60}@{'w' * 60}.{'w' * 60}.example")
    tokens = {role: make_token(person) for role, person in people.items()}
    fill_keys(tenant)
    fill_memory(tenant)
    return Workspace(tenant, people, tokens, make_key(tenant, name="support-agent, production")[1])


def fill_keys(tenant: Tenant) -> None:
    now = timezone.now()
    for name in HOSTILE:
        make_key(tenant, name=name[:100])
    statuses: dict[str, dict[str, Any]] = {
        "expiring": {"expires_at": now + timedelta(days=3)},
        "expired": {"expires_at": now - timedelta(days=3)},
        "revoked": {"revoked_at": now - timedelta(days=3)},
        "rotated": {"replaced_by_id": make_key(tenant)[0].id, "expires_at": now + timedelta(hours=5)},
        "idle": {"last_used_at": now - timedelta(days=120), "last_used_ip": "2001:db8::1", "last_used_agent": LONG},
    }
    for name, columns in statuses.items():
        changed_key(tenant, name=name, **columns)


def fill_memory(tenant: Tenant) -> None:
    now = timezone.now()
    for day in range(DAYS):
        for number in range(day % 5):
            text = f"Message {number} of day {day}: the weather in London is fine."
            moment = now - timedelta(days=day, minutes=number)
            make_event(tenant, content={"text": text}, thread_id=f"thread {day % 3}", occurred_at=moment)
    for name in HOSTILE:
        names = {"user_id": name, "agent_id": name, "thread_id": name}
        make_event(tenant, event_type=name[:64], content={"text": name * 3}, **names)
        make_event(tenant, event_type="agent_response", content={name: {name: [name]}}, **names)
        make_belief(tenant, subject_id=name, key=name, value=name, domain=name)
        make_episode(tenant, user_id=name, summary=name * 3, tags=[name[:64]], outcome="escalated")
    for city in ("Paris", "London", "Rome"):
        make_belief(tenant, key="city", value=city, confidence=0.9)
    for number in range(12):
        make_belief(tenant, key=f"preference {number}", value="tea", belief_type=Belief.Type.PREFERENCE)
    lasted = {"started_at": now - timedelta(hours=1), "ended_at": now}
    make_episode(tenant, tags=["move", "London"], outcome="completed", thread_id="thread 1", **lasted)


def use_key(server_url: str, api_key: str) -> None:
    """A few calls by a program."""
    events = [{"event_type": "tool_call", "user_id": "ada", "content": {"tool": "search", "n": n}} for n in range(3)]
    answer = httpx.post(f"{server_url}/v1/events/batch", headers={"X-API-KEY": api_key}, json={"events": events})
    assert answer.status_code == 201, answer.text
