"""Audit actions and actors in words. The actions read as sentences that follow the actor's name."""

from typing import Final

from tenants.actor import ActorKind
from tenants.audit.actions import Action

ACTIONS: Final[dict[str, str]] = {
    Action.SIGN_IN_ACCEPTED: "Signed in",
    Action.SIGN_IN_REFUSED: "Failed to sign in",
    Action.SIGN_IN_LOCKED: "Was locked out for too many failed sign-ins",
    Action.SESSIONS_ENDED: "Ended sessions",
    Action.KEY_CREATED: "Created a key",
    Action.KEY_FIRST_USED: "Used a key for the first time",
    Action.KEY_CHANGED: "Changed a key",
    Action.KEY_ROTATED: "Rotated a key",
    Action.KEY_REVOKED: "Revoked a key",
    Action.KEY_LEAK_REPORTED: "Reported a leaked key, which was revoked",
    Action.KEY_WRITES_UNDONE: "Undid a key's writes",
    Action.KEYS_FROZEN: "Froze all keys",
    Action.KEYS_UNFROZEN: "Unfroze the keys",
    Action.USER_CREATED: "Created an account",
    Action.USER_CHANGED: "Changed a person",
    Action.USER_REMOVED: "Removed a person",
    Action.PASSWORD_CHANGED: "Changed the password",
    Action.PASSWORD_RESET_LINK_MADE: "Created a reset link",
    Action.PASSWORD_RESET: "Set a new password with a reset link",
    Action.INVITATION_CREATED: "Invited a person",
    Action.INVITATION_ACCEPTED: "Accepted an invitation",
    Action.INVITATION_REVOKED: "Revoked an invitation",
    Action.TENANT_CREATED: "Created the workspace",
    Action.TENANT_CHANGED: "Changed the settings",
    Action.TENANT_SUSPENDED: "Suspended the workspace",
    Action.TENANT_REACTIVATED: "Reactivated the workspace",
    Action.TENANT_DELETED: "Deleted the workspace",
    Action.TENANT_MISMATCH: "Was refused for naming another workspace",
    Action.MEMORY_EXPORTED: "Exported memory and people",
    Action.MEMORY_IMPORTED: "Imported a file",
    Action.MEMORY_ERASED: "Erased an end user",
    Action.EVENTS_PRUNED: "Removed old events",
    Action.BELIEFS_FORGOTTEN: "Forgot beliefs",
    Action.AUDIT_EXPORTED: "Downloaded the audit log",
    Action.AUDIT_PRUNED: "Removed old rows of the audit log",
}
ACTORS: Final[dict[str, str]] = {
    ActorKind.USER: "a person",
    ActorKind.API_KEY: "a key",
    ActorKind.OPERATOR: "an operator",
    ActorKind.ANONYMOUS: "not signed in",
}
