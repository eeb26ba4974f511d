"""Settings of the logs: one JSON object per line, on standard error."""

import logging
from typing import Any, Final

from pythonjsonlogger.core import RESERVED_ATTRS

# No log line shows its thread, process or place in the code. Python's "Logging HOWTO" advises not to collect them.
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
logging._srcfile = None
LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.orjson.OrjsonFormatter",
            "format": "{asctime}{levelname}{name}{message}",
            "style": "{",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            # Django adds the request to its errors. Its repr contains the query string, where people paste keys.
            "reserved_attrs": [*RESERVED_ATTRS, "request"],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},  # a 4xx is the client's error; memgraph.request logs it
        "django.server": {"handlers": [], "propagate": True},
        "drf_spectacular": {"level": "ERROR"},
    },
}
