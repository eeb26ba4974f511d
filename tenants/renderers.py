from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer


class StreamRenderer(BaseRenderer):
    """Lets `Accept` select a media type that the view itself streams. Renders only problems, as JSON."""

    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return orjson.dumps(data)


class CSVRenderer(StreamRenderer):
    media_type = "text/csv"
    format = "csv"
