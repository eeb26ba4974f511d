"""Reads beliefs over time. Called inside `tenant_transaction`."""

from datetime import datetime
from itertools import accumulate
from typing import Final
from uuid import UUID

from django.db.models import Func, IntegerField, Q

from memory.beliefs.models import Belief, BeliefQuerySet

LONGEST_HISTORY: Final = 1000
LARGEST_HISTORY: Final = 8 * 1024 * 1024  # bytes of values


def belief_history(
    *, tenant_id: UUID, subject_id: str, key: str, include_inactive: bool, as_of: datetime | None = None
) -> list[Belief]:
    """The newest 1,000 versions, oldest first, or fewer if their values exceed 8 MiB.

    `as_of`: only the versions that existed at that time; without `include_inactive`, only the one active then.
    """
    versions = Belief.objects.for_tenant(tenant_id).of_key(subject_id, key)
    if as_of is not None:
        versions = versions.filter(created_at__lte=as_of)
    if not include_inactive:
        held = Q(ended_at=None) if as_of is None else Q(ended_at=None) | Q(ended_at__gt=as_of)
        versions = versions.filter(held)
    newest = versions.order_by("-created_at", "-id")[:LONGEST_HISTORY]
    sizes = accumulate(
        newest.values_list(Func("value", function="octet_length", output_field=IntegerField()), flat=True)
    )
    fitting = sum(1 for size in sizes if size <= LARGEST_HISTORY)
    return list(newest[: max(1, fitting)])[::-1]


def belief_timeline(
    *, tenant_id: UUID, subject_id: str, limit: int, domain: str | None = None, since: datetime | None = None
) -> BeliefQuerySet:
    """All versions of all beliefs about a subject, newest first."""
    versions = Belief.objects.for_tenant(tenant_id).filter(subject_id=subject_id)
    if domain is not None:
        versions = versions.filter(domain=domain)
    if since is not None:
        versions = versions.filter(created_at__gte=since)
    return versions.order_by("-id")[:limit]
