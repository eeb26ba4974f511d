import re
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PORTS: Final = {("smtp", False): 25, ("smtp", True): 587, ("smtps", False): 465}


def parse_email_url(url: str) -> dict[str, Any]:
    """Django's EMAIL_* settings from `smtp://user:password@host:587?tls=1` or `smtps://...`; `from=` is the sender.

    Raises ValueError, with a reason that never repeats the URL: it holds the password.
    """
    try:
        parts = urlsplit(url)
        port, options = parts.port, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError("can't be parsed; write special characters of a password as %XX") from None
    tls, sender = (options.pop(name, [default])[-1] for name, default in (("tls", "0"), ("from", "")))
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or port == 0:
        raise ValueError("can't be parsed; write special characters of a password as %XX")
    if options or parts.fragment or tls not in ("0", "1"):
        raise ValueError("may end in ?tls=0 or ?tls=1 and in &from=ADDRESS, and in nothing else")
    starttls = tls == "1"
    if starttls and parts.scheme == "smtps":
        raise ValueError("says both smtps (TLS from the start) and tls=1 (STARTTLS); choose one")
    if sender and not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", sender):
        raise ValueError("has no e-mail address after from=")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or DEFAULT_PORTS[parts.scheme, starttls],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": starttls,
        "DEFAULT_FROM_EMAIL": sender,
    }
