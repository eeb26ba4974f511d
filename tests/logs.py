import logging

import pytest
from pythonjsonlogger.orjson import OrjsonFormatter


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that was logged, in the form in which the service writes it."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    ours = next(formatter for formatter in formatters if isinstance(formatter, OrjsonFormatter))
    return "\n".join(map(ours.format, caplog.records))
