"""A workspace of the real server with something of everything, made through the API."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from studio import cookies
from tests.factories import PASSWORD

MARKUP = "<script>alert(1)</script><b>bold</b>"
RTL = "\u202e\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd"
LONG = "x" * 200
ROLES = ("admin", "editor", "viewer")


@dataclass
class Workspace:
    url: str
    tokens: dict[str, str]
    ids: dict[str, str]  # of one thing of each kind, by the first word of its page's name

    def state(self, role: str) -> dict[str, Any]:
        """What a browser has stored that is signed in."""
        cookie = {"name": cookies.NAME, "value": self.tokens[role], "domain": "127.0.0.1", "path": "/"}
        return {"cookies": [{**cookie, "httpOnly": True, "secure": False, "sameSite": "Lax", "expires": -1}]}


def fill_workspace(url: str) -> Workspace:
    with httpx.Client(base_url=url, timeout=30) as http:
        admin = f"admin-{uuid4().hex}@example.com"
        account = {"email": admin, "password": PASSWORD, "full_name": MARKUP, "cluster_name": MARKUP}
        key = post(http, "/v1/auth/onboard", account)["api_key"]
        tokens = {"admin": sign_in(http, admin)}
        session = {"Authorization": f"Bearer {tokens['admin']}"}
        for role in ("editor", "viewer"):
            tokens[role] = join(http, session, role)
        ids = {"keys": make_keys(http, session)}
        post(http, "/v1/invitations", {"email": f"{uuid4().hex}@example.com", "role": "editor"}, session)
        ids |= remember(http, {"X-API-KEY": key})
        members = http.get("/v1/users", headers=session).json()["items"]
        ids["members"] = next(member["id"] for member in members if member["role"] == "viewer")
        ids["invitations"] = http.get("/v1/invitations", headers=session).json()["items"][0]["id"]
        ids["account"] = http.get("/v1/auth/sessions", headers=session).json()["items"][0]["id"]
    return Workspace(url, tokens, ids)


def post(http: httpx.Client, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    answer = http.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def sign_in(http: httpx.Client, email: str) -> str:
    return str(post(http, "/v1/auth/login", {"email": email, "password": PASSWORD})["access_token"])


def join(http: httpx.Client, session: dict[str, str], role: str) -> str:
    email = f"{role}-{uuid4().hex}@example.com"
    link = post(http, "/v1/invitations", {"email": email, "role": role}, session)["link"]
    body = {"token": link.partition("#")[2], "password": PASSWORD, "full_name": RTL}
    post(http, "/v1/auth/invitations/accept", body)
    return sign_in(http, email)


def make_keys(http: httpx.Client, session: dict[str, str]) -> str:
    """One of every status, and one with the worst name."""
    for name in (MARKUP, RTL, "x" * 100):
        made = post(http, "/v1/api-keys", {"name": name, "expires_in_days": 365}, session)
    post(http, "/v1/api-keys", {"name": "ending", "expires_in_days": 3}, session)
    gone = post(http, "/v1/api-keys", {"name": "gone"}, session)
    http.delete(f"/v1/api-keys/{gone['id']}", headers=session)
    post(http, f"/v1/api-keys/{post(http, '/v1/api-keys', {'name': 'old'}, session)['id']}/rotate", {}, session)
    return str(made["id"])


def remember(http: httpx.Client, key: dict[str, str]) -> dict[str, str]:
    now = datetime.now(UTC)
    kinds = ("user_message", "agent_response")
    events = [
        {
            "event_type": kinds[number % 2],
            "user_id": ("ada", MARKUP, RTL, LONG)[number % 4],
            "agent_id": "support",
            "thread_id": ("thread 1", LONG)[number % 2],
            "content": {"text": ("I moved to London.", MARKUP, RTL, LONG)[number % 4]},
            "occurred_at": (now - timedelta(hours=7 * number)).isoformat(),
        }
        for number in range(100)
    ]
    ids = post(http, "/v1/events/batch", {"events": events}, key)["ids"]
    for subject in ("ada", MARKUP, RTL, LONG):
        for value in ("Paris", "London", MARKUP, LONG):
            body = {"subject_id": subject, "key": "city", "value": value, "confidence": 0.7}
            belief = post(http, "/v1/beliefs", body, key)
        episode = {
            "user_id": subject,
            "summary": f"They spoke. {MARKUP} {LONG}",
            "tags": ["move"],
            "event_ids": ids[:3],
        }
        made = post(http, "/v1/episodes", episode, key)
    return {"events": ids[0], "beliefs": belief["id"], "episodes": made["id"]}
