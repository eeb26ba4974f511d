import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

import django
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished
from django.db import close_old_connections
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memgraph.settings")
django.setup(set_prefix=False)

from memgraph.handler import Handler  # noqa: E402 - it needs the settings
from postgres.base import database  # noqa: E402

django_application = Handler()
# What Django does after each request, for 13 us. Only the check of the connection has a purpose here: `application`
# calls it. There is no cache to close, and no request changes the routes.
request_finished.disconnect(close_old_connections)
request_finished.disconnect(close_caches)
request_finished.disconnect(reset_urlconf)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Calls Django.

    Django reads a body without a length as empty, so a chunked body gets one. gunicorn finds its real end."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(sys.maxsize)
    if ";" in environ.get("CONTENT_TYPE", ""):
        environ["CONTENT_TYPE"] = plain_content_type(environ["CONTENT_TYPE"])
    database().close_if_unusable_or_obsolete()
    return django_application(environ, start_response)


def plain_content_type(header: str) -> str:
    """Keeps the media type and boundary, but no charset: everything here is UTF-8.

    Django would decode the query by `charset=rot13`, and fail before our code could respond. A header that Django can't
    parse becomes "", which gets 415.
    """
    try:
        media_type, parameters = parse_header_parameters(header)
    except ValueError:
        return ""
    return f'{media_type}; boundary="{parameters["boundary"]}"' if "boundary" in parameters else media_type
