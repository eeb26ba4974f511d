"""The logs: one JSON object per line, on standard error."""

import logging
import time
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, Final

import orjson
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
requests: Final = logging.getLogger("memgraph.request")


def log_request(fields: dict[str, Any]) -> None:
    """Writes the line that `requests.info("request", extra=fields)` would write, in 4 us instead of 31.

    Only if the one handler is ours. Tests add theirs.
    """
    handlers = logging.getLogger().handlers
    if len(handlers) != 1 or not isinstance(handlers[0], logging.StreamHandler):
        requests.info("request", extra=fields)
    elif requests.isEnabledFor(logging.INFO):
        line = request_line(time.time(), fields)
        with handlers[0].lock or nullcontext():
            handlers[0].stream.write(line)
            handlers[0].flush()


@lru_cache(1)
def local_time(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def request_line(now: float, fields: dict[str, Any]) -> str:
    second = int(now)
    moment = f"{local_time(second)},{int((now - second) * 1000):03}"
    line = {"time": moment, "level": "INFO", "logger": requests.name, "message": "request", **fields}
    return orjson.dumps(line).decode() + "\n"
