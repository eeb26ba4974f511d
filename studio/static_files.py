from typing import Any


def keep_for_ever(headers: Any, path: str, url: str) -> None:
    """WhiteNoise's hook. The URLs of the Studio's files contain a hash of their content, so they never go stale."""
    if url.startswith("/static/studio/"):
        headers["Cache-Control"] = "max-age=31536000, public, immutable"
