"""A tenant with rows whose counts are known to be exact, and the command that proves it."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.utils import timezone

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import anonymous_client, client_for, make_belief, make_episode, make_event, make_key
from tests.memory.transfers import make_file, upload

EVENT_BODY = {"event_type": "x", "content": {}, "user_id": "ada", "occurred_at": "2026-01-31T23:30:00-05:00"}
BELIEF_BODY = {"subject_id": "ada", "key": "city", "value": "Rome"}


class Workspace:
    """A program's key with which the rows are written, its admin, and rows of others that are in the way."""

    def __init__(self, tenant: Tenant, admin: User) -> None:
        self.tenant, self.since = tenant, timezone.now() - timedelta(seconds=1)
        self.key: APIKey
        self.key, plaintext = make_key(tenant)
        self.program, self.admin = anonymous_client(HTTP_X_API_KEY=plaintext), client_for(admin)
        self.event = make_event(tenant, occurred_at=datetime(2020, 1, 1, tzinfo=UTC))
        make_event(tenant, user_id="bob")
        make_belief(tenant, value="London")
        self.belief = make_belief(tenant, key="name", value="Ada")
        make_episode(tenant, user_id="eve", event_ids=[self.event.id])

    def send(self, method: str, path: str, body: Any = None, *, by_admin: bool = False) -> Any:
        answer = getattr(self.admin if by_admin else self.program, method)(path, body)
        assert answer.status_code < 300, answer.content
        return answer

    def written(self) -> None:
        self.send("post", "/v1/events", EVENT_BODY | {"user_id": "new"})
        self.send("post", "/v1/beliefs", BELIEF_BODY)
        self.send("post", "/v1/beliefs", BELIEF_BODY | {"subject_id": "newer"})
        self.send("post", "/v1/episodes", {"user_id": "newest", "summary": "s"})

    def undo(self, **options: Any) -> None:
        self.written()
        self.send("delete", "/v1/beliefs?subject_id=newer&soft=true")
        body = {"since": self.since.isoformat(), **options}
        self.send("post", f"/v1/api-keys/{self.key.id}/undo", body, by_admin=True)

    def derive(self, *minutes: int) -> None:
        """Episodes of the program's events, so many minutes after a noon. What was derived before may change."""
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
        for minute in minutes:
            moment = (noon + timedelta(minutes=minute)).isoformat()
            self.send("post", "/v1/events", EVENT_BODY | {"user_id": "teller", "occurred_at": moment})
        call_command("make_episodes", stdout=StringIO())

    def derived(self, user: str = "teller") -> list[dict[str, Any]]:
        episodes = self.send("get", f"/v1/episodes?user_id={user}").json()["items"]
        return [episode for episode in episodes if episode["derived"]]

    def upload(self, *rows: dict[str, Any], query: str = "") -> None:
        self.take_in(make_file(*rows), query)

    def take_in(self, file: bytes, query: str = "") -> None:
        answer = upload(self.admin, file, query)
        assert answer.status_code == 200, answer.content

    def take_away(self, user: str) -> None:
        self.send("post", "/v1/admin/erase", {"user_id": user}, by_admin=True)


def recount(*arguments: str) -> str:
    out = StringIO()
    call_command("recount", *arguments, stdout=out)
    return out.getvalue()
