from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse

JSON = "application/json"


class Response(HttpResponse):
    """Data as compact UTF-8 JSON. DRF's own response renders later, and takes 30 us longer."""

    def __init__(self, data: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(b"" if data is None else to_json(data), status=status, headers=headers, content_type=JSON)
        if data is None:
            del self["Content-Type"]


def to_json(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
