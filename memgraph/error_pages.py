"""An error as a page: what happened, and what to do about it. It asks the database nothing, which may be away."""

from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string

TITLES: Final = {
    400: "This can't be understood",
    403: "This is not open to you",
    404: "Not found",
    405: "This can't be done here",
    409: "Not right now",
    413: "This is too large",
    429: "That was too often",
    500: "Something went wrong",
    503: "Not right now",
}
ADVICE: Final = {
    "role_required": "An admin of your workspace can give you another role.",
    "not_found": "It may have been removed, or the address is not whole.",
    "transfer_running": "One at a time: the pages of export and import show how far it is.",
    "too_many_requests": "Nothing is lost: wait, then go back and send it again.",
    "unexpected_error": "Try it again. If it goes on, tell the operator the number of the request.",
    "database_unavailable": "Nothing was changed. Wait a moment: your sign-in stays good.",
    "database_busy": "Nothing was changed. Wait a moment, then try again.",
    "busy": "Nothing was changed. Wait a moment, then try again.",
}
PASSING: Final = (429, 500, 503)  # the same request may be answered a moment later


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
