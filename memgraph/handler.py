from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.utils.log import log_response


class Handler(WSGIHandler):
    """Django's, without what has no purpose here: two signals, a script name, and routes that change by request.

    It takes 20 us less.
    """

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> HttpResponse:
        request = self.request_class(environ)
        response: HttpResponse = self._middleware_chain(request)  # type: ignore[attr-defined] # Django's types leave it out
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]
        if response.status_code >= 500:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        fields = list(response.headers._store.values())
        if response.cookies:
            fields += [("Set-Cookie", cookie.output(header="")) for cookie in response.cookies.values()]
        start_response(f"{response.status_code} {response.reason_phrase}", fields)
        return response
