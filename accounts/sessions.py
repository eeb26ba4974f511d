from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import NotFound

from accounts.models import Session
from accounts.queries import FoundSession
from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, record
from tenants.authority import acting

SEEN_NOTED_EVERY: Final = timedelta(minutes=1)


def note_seen(*, found: FoundSession, now: datetime, actor: Actor) -> None:
    """Writes when, from where and by what a session was last seen: at most once a minute, also with many workers."""
    before = now - SEEN_NOTED_EVERY
    if found.last_seen_at is not None and found.last_seen_at > before:
        return
    unnoted = Session.objects.filter(Q(last_seen_at=None) | Q(last_seen_at__lte=before), id=found.id)
    unnoted.update(last_seen_at=now, ip=actor.address, agent=actor.agent)


def end_session(*, session: Session, actor: Actor) -> Session:
    """404 for one that is not alive any more."""
    now = timezone.now()
    with acting(actor, ends=[session.user_id]):
        alive = Session.objects.for_tenant(session.tenant_id).alive().filter(id=session.id)
        if not alive.update(ended_at=now):
            raise NotFound()
        target, after = Target(session.user_id, ""), {"session": str(session.id)}
        record(Action.SESSIONS_ENDED, actor=actor, tenant_id=session.tenant_id, target=target, after=after)
    session.ended_at = now
    return session
