import json
import logging
from io import StringIO
from uuid import uuid4

import pytest
from pythonjsonlogger.orjson import OrjsonFormatter

from accounts.models import User
from memgraph.logs import log_request, request_line, requests
from tests.logs import logged
from tests.operators import list_url, operator_client


def test_errors_of_django_are_logged_without_the_query_string(caplog: pytest.LogCaptureFixture) -> None:
    response = operator_client().get(list_url(User), {"password__startswith": "pasted"})
    assert response.status_code == 400
    assert "DisallowedModelAdminLookup" in logged(caplog)
    assert "pasted" not in logged(caplog)


def test_the_quick_line_of_a_request_is_the_line_that_the_logger_writes() -> None:
    fields = {"request_id": "r", "status": 200, "key": None, "principal": 'é\n"', "ms": 1.5, "tenant": str(uuid4())}
    record = requests.makeRecord(requests.name, logging.INFO, "", 0, "request", (), None, extra=fields)
    (handler,) = (each for each in logging.getLogger().handlers if isinstance(each.formatter, OrjsonFormatter))
    assert request_line(record.created, fields) == handler.format(record) + "\n"


def test_the_quick_line_is_written_once_unless_the_level_hides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = next(each for each in logging.getLogger().handlers if isinstance(each.formatter, OrjsonFormatter))
    written = StringIO()
    monkeypatch.setattr(ours, "stream", written)
    monkeypatch.setattr(logging.getLogger(), "handlers", [ours])
    log_request({"status": 200})
    assert json.loads(written.getvalue())["status"] == 200
    monkeypatch.setattr(requests, "level", logging.WARNING)
    requests.manager._clear_cache()
    log_request({"status": 201})
    requests.manager._clear_cache()
    assert written.getvalue().count("\n") == 1
