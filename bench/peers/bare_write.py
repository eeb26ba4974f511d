"""The limit of the server with our database: a WSGI function that finds the key and writes the event, and no more.

What is left out: Django's requests, DRF, permissions, limits, the checks of what comes in, metrics and the log.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import django

django.setup()

import orjson  # noqa: E402
from django.db import connection  # noqa: E402

from apikeys.authentication import key_principal  # noqa: E402
from apikeys.keys import digest  # noqa: E402
from apikeys.queries import find_key  # noqa: E402
from memory.events.writing import write_event  # noqa: E402
from memory.records import written_by  # noqa: E402
from tenants.models import Role  # noqa: E402


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    connection.close_if_unusable_or_obsolete()
    found = find_key(digest(environ.get("HTTP_X_API_KEY", "")))
    if found is None:
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return [b""]
    principal = replace(key_principal(found, None), needs=Role.EDITOR)
    row, _ = write_event(principal, {**orjson.loads(environ["wsgi.input"].read()), **written_by(principal)})
    body = orjson.dumps(row, option=orjson.OPT_UTC_Z)
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
