"""The state of a key as the pages show it. It differs from the API's `status`."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from apikeys.models import APIKey, APIKeyQuerySet
from apikeys.status import Status

WARNED_BEFORE: Final = timedelta(days=7)
RENAMED: Final[dict[str, str]] = {Status.EXPIRING: "Expires within 30 days"}
STATES: Final = dict(Status.choices) | RENAMED
TONES: Final[dict[str, str]] = {"active": "good", "expiring": "warn", "rotated": "warn"}


def state_of(key: APIKey) -> str:
    """A rotated key is expired once its grace period is over. A key is expiring only shortly before the end."""
    status = key.status
    if status in (Status.EXPIRED, Status.ROTATED) and key.has_expired(timezone.now()):
        return str(Status.EXPIRED)
    if status == Status.EXPIRING and not ends_shortly(key):
        return str(Status.ACTIVE)
    return str(status)


def ends_shortly(key: APIKey) -> bool:
    """Whether the key is in its last week, or in the last fifth of its lifetime if that is shorter."""
    if key.expires_at is None:
        return False
    return key.expires_at - timezone.now() <= min(WARNED_BEFORE, (key.expires_at - key.created_at) / 5)


def in_state(keys: APIKeyQuerySet, status: str) -> APIKeyQuerySet:
    """Without a status, all keys that are not revoked."""
    if status == Status.EXPIRED:
        return keys.in_status(Status.EXPIRED, Status.ROTATED).filter(expires_at__lte=timezone.now())
    if status == Status.ROTATED:
        return keys.in_status(Status.ROTATED).filter(expires_at__gt=timezone.now())
    return keys.in_status(Status(status)) if status in Status.values else keys.unrevoked()


def why_not(key: APIKey, act: str) -> str:
    """Why a key can no longer be edited, rotated or revoked; "" if it can."""
    if key.revoked_at:
        return "This key has been revoked and can no longer be changed."
    if key.has_expired(timezone.now()):
        return "This key has expired and no longer works. Create a new one."
    if key.replaced_by_id and act != "revoke":
        return (
            "This key has been rotated, and the new key was shown once. Open the replacement key, or revoke this one."
        )
    return ""
