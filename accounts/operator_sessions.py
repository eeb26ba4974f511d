"""Sessions of the Django admin, as `SESSION_ENGINE`.

The cookie's value is stored as its SHA-256: a row read from the database or a backup is of no use as a cookie.
"""

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import OperatorSession


def stored_key(cookie: str) -> str:
    """A plain hash is right for a random value: the cookie has 165 random bits (ASVS 5.0, 6.5.2)."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def session_id_of(request: HttpRequest) -> str | None:
    """The stored key of the session that the request's operator is signed in by."""
    session = getattr(request, "session", None)
    if session is None or session.session_key is None or SESSION_KEY not in session:
        return None
    return stored_key(session.session_key)


class SessionStore(DatabaseStore):
    """Django's, which keeps the value of the cookie; here, every access to the table goes by the hash."""

    @property
    def stored_key(self) -> str:
        """What an operator's act names its session by: see `tenants/authority.py`."""
        return stored_key(self.session_key or "")

    @classmethod
    def get_model_class(cls) -> type[OperatorSession]:  # type: ignore[override] # the stubs want a subclass of Django's
        return OperatorSession

    def load(self) -> dict[str, Any]:
        """An unknown key is forgotten: a new session gets a key of ours, never one that somebody else chose."""
        alive = OperatorSession.objects.filter(expire_date__gt=timezone.now())
        session = alive.filter(session_key=stored_key(self.session_key or "")).first()
        if session is None:
            self._session_key = None  # as all of Django's own stores do it
            return {}
        return self.decode(session.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> OperatorSession:  # type: ignore[override] # as above
        return OperatorSession(
            session_key=stored_key(self.session_key or ""),
            user_id=data.get(SESSION_KEY),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
        )

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            OperatorSession.objects.filter(session_key=stored_key(key)).delete()
