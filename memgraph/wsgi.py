import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memgraph.settings")
django_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django takes a body without a length for an empty one; gunicorn ends a chunked body by itself."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower() and not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(sys.maxsize)
    if ";" in environ.get("CONTENT_TYPE", ""):
        environ["CONTENT_TYPE"] = plain_content_type(environ["CONTENT_TYPE"])
    answer: Iterable[bytes] = django_application(environ, start_response)
    return answer


def plain_content_type(header: str) -> str:
    """The media type and its boundary. Everything here is UTF-8, but Django would read the query by `charset=rot13`.

    It does so, and fails, before any of our code could answer; empty is what it can't parse, and answered with 415.
    """
    try:
        media_type, parameters = parse_header_parameters(header)
    except ValueError:
        return ""
    return f'{media_type}; boundary="{parameters["boundary"]}"' if "boundary" in parameters else media_type
