"""No byte of a path, a query or an exception's text gets into a log line."""

import json
import logging
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client
from rest_framework.test import APIClient

from memgraph.logs import DiscreetFormatter
from memory.events import views

SECRET = "mg_live_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What our handler writes. It is the only one, so that the quick line is used, too."""
    ours = next(each for each in logging.getLogger().handlers if isinstance(each.formatter, DiscreetFormatter))
    stream = StringIO()
    monkeypatch.setattr(ours, "stream", stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", [ours])
    return stream


def lines(written: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("error", [ValueError(SECRET), SuspiciousOperation(SECRET), KeyError(SECRET)])
def test_an_unexpected_error_is_logged_by_its_type_and_places(
    error: Exception, written: StringIO, editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        try:
            raise OSError(SECRET)
        except OSError:
            raise error from None

    monkeypatch.setattr(views, "read_simple_event", fail)
    editor_key.raise_request_exception = False
    response = editor_key.post(f"/v1/events?x={SECRET}", {"x": SECRET})
    assert response.status_code == (400 if isinstance(error, SuspiciousOperation) else 500)
    assert type(error).__name__ in written.getvalue()
    assert SECRET not in written.getvalue()


def test_the_traceback_names_the_cause(written: StringIO) -> None:
    try:
        try:
            raise OSError(SECRET)
        except OSError as error:
            raise ValueError(SECRET) from error
    except ValueError:
        logging.getLogger("somebody").exception("It failed")
    (line,) = lines(written)
    assert line["message"] == "It failed"
    assert "test_discreet_logs.py" in line["exc_info"]
    assert line["exc_info"].index("OSError") < line["exc_info"].index("ValueError")
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize("path", [f"/studio/keys/{SECRET}", f"/{SECRET}", f"/v1/{SECRET}", f"/admin/{SECRET}/"])
def test_a_key_in_a_path_is_not_logged(path: str, written: StringIO, db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    for response in (client.get(path), client.post(path, {"key": SECRET})):
        assert response.status_code in (302, 401, 403, 404, 405)
    assert lines(written)
    assert SECRET not in written.getvalue()
