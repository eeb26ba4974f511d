"""Renders an error as a page: what happened, and what to do about it. Works while the database is down."""

from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string

TITLES: Final = {
    400: "Invalid request",
    403: "Access denied",
    404: "Not found",
    405: "Method not allowed",
    409: "Not right now",
    413: "Too large",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not right now",
}
ADVICE: Final = {
    "role_required": "An admin of your workspace can give you another role.",
    "not_found": "It may have been removed, or the URL is incomplete.",
    "transfer_running": "Only one can run at a time. The export and import pages show its progress.",
    "too_many_requests": "Nothing is lost. Wait, then go back and send it again.",
    "unexpected_error": "Try again. If it keeps happening, give the operator the request's id.",
    "database_unavailable": "Nothing was changed. Wait a moment. You stay signed in.",
    "database_busy": "Nothing was changed. Wait a moment, then try again.",
    "busy": "Nothing was changed. Wait a moment, then try again.",
}
PASSING: Final = (429, 500, 503)  # the same request may succeed a moment later


def error_page(request: HttpRequest, problem: dict[str, Any]) -> str:
    status, code = problem["status"], problem["code"]
    context = {
        "problem": problem,
        "title": TITLES.get(status, problem["title"]),
        "advice": ADVICE.get(code, ""),
        "again": request.get_full_path() if status in PASSING and request.method == "GET" else "",
        "is_admin_site": request.path.startswith("/admin"),
    }
    return render_to_string("error.html", context, request)
