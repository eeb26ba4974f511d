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
