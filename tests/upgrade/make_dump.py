"""Makes `memgraph.dump` and `facts.json`: an installation with something of everything, made by the code as it is.

Run `python -m tests.upgrade.make_dump` to create a new one. README.md says when.
"""

import json
import re
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg

from memgraph.embedded import socket_directory
from memgraph.embedded.binaries import installed
from tests.memgraph.processes import Server, run

HERE = Path(__file__).resolve().parent
DUMP, FACTS = HERE / "memgraph.dump", HERE / "facts.json"
SECRET_KEY = "only-for-the-upgrade-test-only-for-the-upgrade-test"
PASSWORD = "seventeen green herons"
OPERATOR = "ops@example.com"
LIFETIME = "3650d"  # the tokens must be good for as long as the dump is used
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
# What the service itself would never write, and what must not end before the dump is used.
STRETCH = """
UPDATE accounts_invitation SET expires_at = expires_at + interval '10 years';
UPDATE accounts_resettoken SET expires_at = expires_at + interval '10 years';
UPDATE apikeys_apikey SET expires_at = now() - interval '1 day' WHERE name = 'expired';
UPDATE apikeys_apikey SET expires_at = expires_at + interval '10 years'
WHERE name = 'in its grace' AND replaced_by_id IS NOT NULL;
"""


class Api:
    """One client of the server: a key, or a person who signed in."""

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def __call__(self, method: str, path: str, **body: Any) -> Any:
        response = self.http.request(method, path, json=body or None)
        assert response.is_success, (method, path, response.status_code, response.text)
        return response.json() if response.content else None


def sign_in(url: str, email: str) -> tuple[Api, str]:
    token = Api(url)("POST", "/v1/auth/login", username=email, password=PASSWORD)["access_token"]
    return Api(url, Authorization=f"Bearer {token}"), token


def fill(server: Server) -> dict[str, Any]:
    url = f"http://127.0.0.1:{server.port}"
    tenants = {name: fill_tenant(server, url, name) for name in ("acme", "globex")}
    return {
        "secret_key": SECRET_KEY,
        "password": PASSWORD,
        "operator": {"email": OPERATOR, "session": fill_admin(server, url, tenants["globex"]["tenant_id"])},
        "tenants": tenants,
    }


def fill_tenant(server: Server, url: str, name: str) -> dict[str, Any]:
    email = f"admin@{name}.example"
    person = {"email": email, "password": PASSWORD, "full_name": "Ada Lovelace"}
    account = Api(url)("POST", "/v1/auth/onboard", cluster_name=name.title(), sector="tests", **person)
    admin, token = sign_in(url, email)
    ended, ended_token = sign_in(url, email)
    ended("POST", "/v1/auth/logout", scope="this")
    httpx.post(f"{url}/v1/auth/login", json={"username": email, "password": "wrong horse"})
    admin("PATCH", "/v1/tenant", event_retention_days=36500, rate_limit_per_minute=100_000)
    fill_memory(server, Api(url, **{"X-API-KEY": account["api_key"]}), admin)
    return {
        "tenant_id": account["tenant_id"],
        "people": fill_people(url, admin, name) | {"admin": email},
        "keys": fill_keys(admin) | {"active": account["api_key"]},
        "sessions": {"live": token, "ended": ended_token},
    } | {"links": fill_links(admin, name)}


def fill_people(url: str, admin: Api, name: str) -> dict[str, str]:
    people = {role: f"{role}@{name}.example" for role in ("editor", "viewer", "gone")}
    for role, email in people.items():
        invited = admin("POST", "/v1/invitations", email=email, role=role if role != "gone" else "editor")
        accepted = {"token": token_of(invited), "password": PASSWORD, "full_name": role.title()}
        user = Api(url)("POST", "/v1/auth/invitations/accept", **accepted)
        sign_in(url, email)
        if role == "gone":
            admin("PATCH", f"/v1/users/{user['user_id']}", is_active=False)
    return people


def token_of(made: dict[str, Any]) -> str:
    return str(made["link"]).partition("#")[2]


def fill_links(admin: Api, name: str) -> dict[str, str]:
    """Open ones, and one that was revoked."""
    invited = admin("POST", "/v1/invitations", email=f"guest@{name}.example", role="viewer")
    revoked = admin("POST", "/v1/invitations", email=f"unwanted@{name}.example", role="viewer")
    admin("DELETE", f"/v1/invitations/{revoked['id']}")
    viewer = next(user for user in admin("GET", "/v1/users")["items"] if user["role"] == "viewer")
    reset = admin("POST", f"/v1/users/{viewer['id']}/reset-link")
    return {"invitation": token_of(invited), "reset": token_of(reset)}


def fill_keys(admin: Api) -> dict[str, str]:
    made = {
        "expired": admin("POST", "/v1/api-keys", name="expired", expires_in_days=1),
        "revoked": admin("POST", "/v1/api-keys", name="revoked"),
        "rotated": admin("POST", "/v1/api-keys", name="rotated"),
        "graced": admin("POST", "/v1/api-keys", name="in its grace"),
        "elsewhere": admin("POST", "/v1/api-keys", name="from elsewhere", allowed_ips=["192.0.2.0/24"]),
        "here": admin("POST", "/v1/api-keys", name="from here", allowed_ips=["127.0.0.0/8"], role="viewer"),
        "limited": admin("POST", "/v1/api-keys", name="limited", rate_limit_per_minute=1000, role="admin"),
    }
    admin("DELETE", f"/v1/api-keys/{made['revoked']['id']}")
    made["successor"] = admin("POST", f"/v1/api-keys/{made['rotated']['id']}/rotate", grace_seconds=0)
    admin("POST", f"/v1/api-keys/{made['graced']['id']}/rotate", grace_seconds=604_800)
    keys = {name: key["api_key"] for name, key in made.items()}
    for name in ("here", "limited", "successor"):
        Api(str(admin.http.base_url), **{"X-API-KEY": keys[name]})("GET", "/v1/auth/whoami")
    return keys


def fill_memory(server: Server, key: Api, admin: Api) -> None:
    numbers = count()
    events = [made_event(next(numbers), thread=f"thread {thread}") for thread in range(6) for _ in range(15)]
    key("POST", "/v1/events/batch", events=events)
    command(server, "make_episodes")
    now = datetime.now(UTC).isoformat()  # so their stretch isn't over
    late = [made_event(next(numbers), thread="unsettled") | {"occurred_at": now} for _ in range(5)]
    key("POST", "/v1/events/batch", events=late)
    key("POST", "/v1/events", **made_event(next(numbers), thread=None))
    for city in ("London", "Paris", "Paris", "Rome"):
        key("POST", "/v1/beliefs", subject_id="ada", key="city", value=city, confidence=0.5, domain="home")
    for number in range(10):
        key("POST", "/v1/beliefs", subject_id=f"user {number % 3}", key=f"likes {number}", value=f"tea number {number}")
    forgotten = key("POST", "/v1/beliefs", subject_id="ada", key="secret", value="xyzzy")
    key("DELETE", f"/v1/beliefs/{forgotten['id']}")
    key("POST", "/v1/episodes", user_id="ada", summary="They spoke of tea.", tags=["tea"])
    admin("POST", "/v1/admin/erase", user_id="user 2")


def made_event(number: int, *, thread: str | None) -> dict[str, Any]:
    moment = NOON + timedelta(minutes=number)
    told = {"event_type": "user_message", "content": {"text": f"Message {number} is about green tea."}}
    user = "ada" if thread is None else f"user {number % 3}"
    return told | {"user_id": user, "thread_id": thread, "agent_id": "planner", "occurred_at": moment.isoformat()}


def fill_admin(server: Server, url: str, tenant_id: str) -> str:
    """An operator who signed in to the Django admin, and did something there. Returns the session's cookie."""
    command(server, "createsuperuser", "--noinput", "--email", OPERATOR, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    with httpx.Client(base_url=url, follow_redirects=True, headers={"Referer": url}) as http:
        token = csrf_token(http.get("/admin/login/").text)
        form = {"csrfmiddlewaretoken": token, "username": OPERATOR, "password": PASSWORD}
        token = csrf_token(http.post("/admin/login/?next=/admin/tenants/tenant/", data=form).text)
        for action, done in (("freeze", "frozen"), ("unfreeze", "unfrozen")):
            form = {"csrfmiddlewaretoken": token, "action": action, "_selected_action": tenant_id, "confirmed": "Yes"}
            page = http.post("/admin/tenants/tenant/", data=form).text
            assert f"1 tenant {done}." in page, page
        return http.cookies["operator"]


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page
    return found[1]


def command(server: Server, *arguments: str, **variables: object) -> None:
    variables = {"MEMGRAPH_DATA_DIR": server.data_dir, "SECRET_KEY": SECRET_KEY} | variables
    done = run("manage.py", *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr


def dump(sockets: Path) -> None:
    """As the superuser: row-level security hides every tenant's memory from the role of the service."""
    at = ["--host", str(sockets), "--port", "5432", "--username", "postgres"]
    program = str(installed() / "pg_dump")
    subprocess.run([program, *at, "--format=custom", "--compress=9", f"--file={DUMP}", "memgraph"], check=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="memgraph-dump-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's account has to get in
        variables = {"SECRET_KEY": SECRET_KEY, "ACCESS_TOKEN_LIFETIME": LIFETIME}
        with Server(Path(folder) / "data", **variables) as server:
            facts = fill(server.wait_until_healthy())
            sockets = socket_directory(server.data_dir)
            with psycopg.connect(host=str(sockets), port=5432, user="postgres", dbname="memgraph") as superuser:
                superuser.execute(STRETCH)
            dump(sockets)
    FACTS.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
