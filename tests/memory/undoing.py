"""Who writes and who undoes in the tests of undo."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from tenants.models import Tenant
from tests.factories import anonymous_client, client_for, make_key

EVENT = {"event_type": "user_message", "content": {"text": "hello"}, "user_id": "ada"}
BELIEF = {"subject_id": "ada", "key": "city"}


class Cast:
    """The leaked key, another program's key, and the admin who undoes what the leaked key wrote."""

    def __init__(self, acme: Tenant, acme_admin: User) -> None:
        self.key, leaked = make_key(acme, name="leaked")
        _, other = make_key(acme, name="other")
        self.clients = {
            "key": anonymous_client(HTTP_X_API_KEY=leaked),
            "other": anonymous_client(HTTP_X_API_KEY=other),
            "admin": client_for(acme_admin),
        }
        self.admin = self.clients["admin"]
        self.since = timezone.now().isoformat()

    def believe(self, who: str, value: str, confidence: float = 0.5) -> dict[str, Any]:
        body = BELIEF | {"value": value, "confidence": confidence}
        answer = self.clients[who].post("/v1/beliefs", body)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def forget(self, who: str, *, soft: bool) -> None:
        query = f"subject_id=ada&soft={str(soft).lower()}"
        assert self.clients[who].delete(f"/v1/beliefs?{query}").status_code == 200

    def undo(self, **body: Any) -> dict[str, Any]:
        answer = self.admin.post(f"/v1/api-keys/{self.key.id}/undo", {"since": self.since} | body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def history(self) -> list[tuple[str, str]]:
        versions = self.admin.get("/v1/beliefs/history/ada/city").json()
        return [(version["value"], version["status"]) for version in versions]
