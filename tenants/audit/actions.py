from typing import Final

from django.db import models


class Action(models.TextChoices):
    """The acts that are audited, as `resource.verb`. Never rename one, because old rows keep the name."""

    SIGN_IN_ACCEPTED = "session.signed_in"
    SIGN_IN_REFUSED = "session.sign_in_refused"
    SIGN_IN_LOCKED = "session.sign_in_locked"
    SESSIONS_ENDED = "session.ended"
    KEY_CREATED = "key.created"
    KEY_FIRST_USED = "key.first_used"
    KEY_CHANGED = "key.changed"
    KEY_ROTATED = "key.rotated"
    KEY_REVOKED = "key.revoked"
    KEY_LEAK_REPORTED = "key.leak_reported"
    KEY_WRITES_UNDONE = "key.writes_undone"
    KEYS_FROZEN = "keys.frozen"
    KEYS_UNFROZEN = "keys.unfrozen"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_REMOVED = "user.removed"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 - a name
    PASSWORD_RESET_LINK_MADE = "password.reset_link_made"  # noqa: S105 - a name
    PASSWORD_RESET = "password.reset"  # noqa: S105 - a name
    INVITATION_CREATED = "invitation.created"
    INVITATION_ACCEPTED = "invitation.accepted"
    INVITATION_REVOKED = "invitation.revoked"
    TENANT_CREATED = "tenant.created"
    TENANT_CHANGED = "tenant.changed"
    TENANT_SUSPENDED = "tenant.suspended"
    TENANT_REACTIVATED = "tenant.reactivated"
    TENANT_DELETED = "tenant.deleted"
    TENANT_MISMATCH = "tenant.mismatch"
    MEMORY_EXPORTED = "memory.exported"
    MEMORY_IMPORTED = "memory.imported"
    MEMORY_ERASED = "memory.erased"
    EVENTS_PRUNED = "events.pruned"
    BELIEFS_FORGOTTEN = "beliefs.forgotten"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_PRUNED = "audit.pruned"


# These change what a credential may do, or what a request is told about it. Their response waits: see `lease.py`.
CHANGES_AUTHORITY: Final = frozenset(
    {
        Action.SESSIONS_ENDED,
        Action.KEY_CHANGED,
        Action.KEY_ROTATED,
        Action.KEY_REVOKED,
        Action.KEY_LEAK_REPORTED,
        Action.KEYS_FROZEN,
        Action.KEYS_UNFROZEN,
        Action.USER_CHANGED,
        Action.USER_REMOVED,
        Action.PASSWORD_CHANGED,
        Action.PASSWORD_RESET,
        Action.TENANT_CHANGED,
        Action.TENANT_SUSPENDED,
        Action.TENANT_REACTIVATED,
        Action.TENANT_DELETED,
    }
)
KEEPS_AUTHORITY: Final = frozenset(
    {
        Action.SIGN_IN_ACCEPTED,  # `start_session` marks the request if it ends older sessions
        Action.SIGN_IN_REFUSED,
        Action.SIGN_IN_LOCKED,
        Action.KEY_CREATED,
        Action.KEY_FIRST_USED,
        Action.KEY_WRITES_UNDONE,
        Action.USER_CREATED,
        Action.PASSWORD_RESET_LINK_MADE,
        Action.INVITATION_CREATED,
        Action.INVITATION_ACCEPTED,
        Action.INVITATION_REVOKED,
        Action.TENANT_CREATED,
        Action.TENANT_MISMATCH,
        Action.MEMORY_EXPORTED,
        Action.MEMORY_IMPORTED,
        Action.MEMORY_ERASED,
        Action.EVENTS_PRUNED,
        Action.BELIEFS_FORGOTTEN,
        Action.AUDIT_EXPORTED,
        Action.AUDIT_PRUNED,
    }
)
