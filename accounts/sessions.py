from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone
from rest_framework.exceptions import NotFound

from accounts.models import Session
from accounts.queries import SESSIONS, FoundSession
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.authority import acting

LAST_SEEN_INTERVAL: Final = timedelta(minutes=1)


def write_last_seen(*, found: FoundSession, now: datetime, actor: Actor) -> None:
    """Writes the session's last use (time, IP address, user agent), at most once a minute across all workers."""
    before = now - LAST_SEEN_INTERVAL
    if found.last_seen_at is not None and found.last_seen_at > before:
        return
    stale = Session.objects.filter(Q(last_seen_at=None) | Q(last_seen_at__lte=before), id=found.id)
    stale.update(last_seen_at=now, ip=actor.address, agent=actor.agent)
    SESSIONS.forget(found.id)


def end_session(*, session: Session, actor: Actor) -> Session:
    """404 if the session has ended or expired."""
    now = timezone.now()
    with acting(actor, ends=[session.user_id]):
        alive = Session.objects.for_tenant(session.tenant_id).alive().filter(id=session.id)
        if not alive.update(ended_at=now):
            raise NotFound()
        target, after = Target(session.user_id, ""), {"session": str(session.id)}
        record(Action.SESSIONS_ENDED, actor=actor, tenant_id=session.tenant_id, target=target, after=after)
    session.ended_at = now
    return session
