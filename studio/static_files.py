from typing import Any


def keep_for_ever(headers: Any, path: str, url: str) -> None:
    """WhiteNoise's hook. Pages name the Studio's files with a hash of their content: a name always means the same."""
    if url.startswith("/static/studio/"):
        headers["Cache-Control"] = "max-age=31536000, public, immutable"
