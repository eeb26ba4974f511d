"""Template context for every page: the principal, and the menu entries that it may open."""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest

from tenants.permissions import IsTenantAdmin, IsTenantViewer, TenantPermission
from tenants.principal import Principal


class Entry(NamedTuple):
    page: str
    label: str
    permission: type[TenantPermission]


ENTRIES: Final = (
    Entry("overview", "Overview", IsTenantViewer),
    Entry("search", "Search", IsTenantViewer),
    Entry("events", "Events", IsTenantViewer),
    Entry("beliefs", "Beliefs", IsTenantViewer),
    Entry("episodes", "Episodes", IsTenantViewer),
    Entry("users", "End users", IsTenantViewer),
    Entry("keys", "API keys", IsTenantAdmin),
    Entry("members", "Members", IsTenantAdmin),
    Entry("audit", "Audit log", IsTenantAdmin),
    Entry("settings", "Settings", IsTenantAdmin),
)


def studio(request: HttpRequest) -> dict[str, Any]:
    principal = getattr(request, "principal", None)
    if not isinstance(principal, Principal):
        return {"principal": None}
    match = request.resolver_match
    return {
        "principal": principal,
        "is_admin": IsTenantAdmin.allows(principal),
        "entries": [entry for entry in ENTRIES if entry.permission.allows(principal)],
        "here": (match.url_name or "").partition("-")[0] if match else "",
    }
