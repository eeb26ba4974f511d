"""The session store of the Django admin: `SESSION_ENGINE`.

Only the SHA-256 of the cookie is stored, so a row from the database or a backup can't be used as a cookie.
"""

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import OperatorSession


def stored_key(cookie: str) -> str:
    """SHA-256 in hex. A plain hash is enough, because the cookie has 165 random bits (ASVS 5.0, 6.5.2)."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def session_id_of(request: HttpRequest) -> str | None:
    """The stored key of the operator's session, or None if no operator is signed in."""
    session = getattr(request, "session", None)
    if session is None or session.session_key is None or SESSION_KEY not in session:
        return None
    return stored_key(session.session_key)


class SessionStore(DatabaseStore):
    """Django's store finds rows by the cookie's value. This one finds them by its hash."""

    @property
    def stored_key(self) -> str:
        """Identifies the session when an operator's change is confirmed: see `tenants/authority.py`."""
        return stored_key(self.session_key or "")

    @classmethod
    def get_model_class(cls) -> type[OperatorSession]:  # type: ignore[override] # the stubs expect Django's model
        return OperatorSession

    def load(self) -> dict[str, Any]:
        """Drops an unknown key, so that a new session gets a key from the server, never one that the client chose."""
        alive = OperatorSession.objects.filter(expire_date__gt=timezone.now())
        session = alive.filter(session_key=stored_key(self.session_key or "")).first()
        if session is None:
            self._session_key = None  # as Django's own stores do
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
