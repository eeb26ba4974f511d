"""What the published client relies on without saying so: statuses, shapes, what may come along, what is refused how.

Scores, their order and number are in `memory/test_search.py`, names in paths in `memory/test_belief_reading.py`.
"""

import json
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from tenants.models import Role, Tenant
from tests.factories import key_client, make_belief
from tests.routes import ROUTES

FORM = "application/x-www-form-urlencoded"
TEA = {"user_id": "ada", "text": "I like tea."}
BELIEF = {"subject_id": "ada", "key": "drink", "value": "tea"}
EVENT = {"user_id": "ada", "event_type": "tool_call", "content": {"text": "tea"}}
# What the client calls, the status that it needs, and whether it reads an object or a bare list.
ANSWERED: list[tuple[str, str, dict[str, Any] | None, int, type]] = [
    ("GET", "/health", None, 200, dict),
    ("GET", "/v1/health", None, 200, dict),
    ("GET", "/v1/auth/whoami", None, 200, dict),
    ("POST", "/v1/ingest", TEA, 200, dict),
    ("POST", "/v1/events", EVENT, 201, dict),
    ("POST", "/v1/beliefs", BELIEF, 200, dict),
    ("POST", "/v1/beliefs", BELIEF | {"value": "coffee"}, 201, dict),
    ("GET", "/v1/beliefs?subject_id=ada&limit=20", None, 200, dict),
    ("GET", "/v1/beliefs/history/ada/drink?include_inactive=true", None, 200, list),
    ("GET", "/v1/beliefs/history/nobody/drink?include_inactive=true", None, 200, list),
    ("GET", "/v1/beliefs/timeline/ada?limit=50", None, 200, dict),
    ("DELETE", "/v1/beliefs/{id}", None, 200, dict),
    ("DELETE", "/v1/beliefs?subject_id=ada&soft=false", None, 200, dict),
    ("DELETE", "/v1/beliefs?subject_id=nobody&soft=false", None, 200, dict),
    ("POST", "/v1/context", {"task": "tea", "user_id": "ada", "agent_id": "cli"}, 200, dict),
    ("POST", "/v1/context", {"query": "tea", "user_id": "nobody", "agent_id": "cli"}, 200, dict),
    ("POST", "/v2/context", {"query": "tea", "user_id": "ada"}, 200, dict),
    ("POST", "/v2/context", {"query": "tea", "user_id": "nobody"}, 200, dict),
]
UNSERVED = [
    ("GET", "/v1/intelligence/health"),
    ("GET", "/v1/intelligence/contradictions"),
    ("POST", "/v1/intelligence/evaluate"),
    ("GET", "/v1/intelligence/mcis?save=false"),
    ("GET", "/v1/intelligence/mcis/history?limit=30"),
    ("POST", "/v1/benchmark/run"),
    ("GET", "/v1/benchmark/scenarios"),
    ("POST", "/v1/sidecar/pre-flight"),
    ("POST", "/v1/sidecar/post-flight"),
    ("POST", "/v1/sidecar/process"),
    ("POST", "/v2/entities"),
    ("GET", "/v2/entities?limit=50"),
    ("GET", "/v2/entities/an-id"),
    ("DELETE", "/v2/entities/an-id"),
    ("POST", "/v2/entities/search"),
    ("POST", "/v2/relationships"),
    ("GET", "/v2/relationships?limit=50"),
    ("POST", "/v2/decisions"),
    ("GET", "/v2/decisions?limit=50"),
    ("GET", "/v2/decisions/an-id"),
    ("GET", "/v2/decisions/an-id/explain"),
    ("DELETE", "/v2/decisions/an-id"),
    ("POST", "/v2/outcomes/record"),
    ("POST", "/v2/graph/traverse"),
    ("GET", "/v2/contradictions?limit=50"),
    ("PATCH", "/v2/contradictions/an-id"),
    ("GET", "/v2/analytics"),
]
REFUSED: list[tuple[str, str, bytes, str, int]] = [
    ("POST", "/v2/context", b"{", "application/json", 400),
    ("GET", "/v1/beliefs/an-id", b"", "", 404),
    ("GET", "/v2/context", b"", "", 405),
    ("POST", "/v1/beliefs", b"key=drink", FORM, 415),
    ("POST", "/v2/context", b"query=tea", FORM, 415),
    ("POST", "/v2/context", b"[]", "application/json", 422),
    ("POST", "/v2/context", b"{}", "application/json", 422),
    ("POST", "/v2/context", b'{"query": "tea", "user_id": ""}', "application/json", 422),
    ("POST", "/v1/ingest", b"text=tea", FORM, 422),
    ("DELETE", "/v1/beliefs", b"", "", 422),
    ("DELETE", "/v1/beliefs?subject_id=ada&soft=maybe", b"", "", 422),
    ("GET", "/v1/beliefs?limit=none", b"", "", 422),
]
SLASH_IS_OF_THE_NAME = ("/v1/beliefs/history/", "/v1/beliefs/timeline/")


def send(client: APIClient, method: str, path: str, body: Any = None) -> Any:
    return client.generic(method, path, json.dumps(body) if body is not None else "", "application/json")


def assert_problem(response: Any, status: int) -> None:
    """An object whose `detail` is a sentence: the client takes it apart without a look."""
    problem = response.json()
    assert (response.status_code, problem["status"]) == (status, status)
    assert response["Content-Type"] == "application/problem+json"
    assert isinstance(problem["detail"], str)
    assert problem["detail"]


@pytest.mark.parametrize(("method", "path", "body", "status", "shape"), ANSWERED)
def test_success_is_json_of_the_shape_that_is_read(
    method: str, path: str, body: dict[str, Any] | None, status: int, shape: type, acme: Tenant, editor_key: APIClient
) -> None:
    belief = make_belief(acme, key="drink", value="tea")
    response = send(editor_key, method, path.replace("{id}", str(belief.id)), body)
    assert (response.status_code, response["Content-Type"]) == (status, "application/json")
    assert type(response.json()) is shape


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES.values() if route.path.startswith("/v")}))
def test_a_trailing_slash_is_no_redirect(path: str, anonymous: APIClient) -> None:
    for method in ("GET", "POST", "DELETE"):
        status = send(anonymous, method, path.split("?")[0].replace("{id}", str(uuid4())) + "/").status_code
        assert (status in (401, 405)) if path.startswith(SLASH_IS_OF_THE_NAME) else (status == 404)


@pytest.mark.parametrize(("method", "path", "body", "content_type", "status"), REFUSED)
def test_refusal_is_an_object_with_its_detail(
    method: str, path: str, body: bytes, content_type: str, status: int, editor_key: APIClient
) -> None:
    assert_problem(editor_key.generic(method, path, body, content_type), status)


def test_who_may_not_is_told_so_in_an_object(acme: Tenant, anonymous: APIClient) -> None:
    assert_problem(send(anonymous, "POST", "/v1/ingest", TEA), 401)
    assert_problem(send(key_client(acme, Role.VIEWER), "POST", "/v1/ingest", TEA), 403)


def test_retry_after_is_whole_seconds(acme: Tenant) -> None:
    client = key_client(acme, rate_limit_per_minute=1)
    send(client, "POST", "/v2/context", {"query": "tea"})
    refused = send(client, "POST", "/v2/context", {"query": "tea"})
    assert_problem(refused, 429)
    assert 0 < int(refused["Retry-After"]) <= 60


@pytest.mark.parametrize(("method", "path"), UNSERVED)
def test_what_is_not_served_is_404_for_everybody(
    method: str, path: str, anonymous: APIClient, editor_key: APIClient
) -> None:
    for client in (anonymous, editor_key):
        assert_problem(send(client, method, path, {"query": "tea", "user_id": "ada"}), 404)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("user_id=Zo%C3%AB&text=I+like+k%C3%A4se.", FORM),
        ('{"user_id": "Zoë", "text": "I like käse."}', "application/json"),
        ('{"user_id": "Zo\\u00eb", "text": "I like k\\u00e4se."}', "application/json; charset=utf-8"),
        (
            '--x\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nZoë\r\n'
            '--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nI like käse.\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
    ],
    ids=["form", "UTF-8", "escapes", "multipart"],
)
def test_ingest_takes_every_kind_of_body(body: str, content_type: str, editor_key: APIClient) -> None:
    assert editor_key.generic("POST", "/v1/ingest", body.encode(), content_type).status_code == 200
    (belief,) = editor_key.get("/v1/beliefs?subject_id=Zoë").json()["items"]
    assert belief["value"] == "I like käse."


@pytest.mark.parametrize(("word", "known"), [("false", 0), ("true", 1)])
def test_false_in_a_query_is_false(word: str, known: int, acme: Tenant, editor_key: APIClient) -> None:
    for value in ("tea", "coffee"):
        make_belief(acme, subject_id="ada", key="drink", value=value)
    history = editor_key.get(f"/v1/beliefs/history/ada/drink?include_inactive={word}").json()
    assert len(history) == 1 + known
    editor_key.delete(f"/v1/beliefs?subject_id=ada&soft={word}")
    assert len(editor_key.get("/v1/beliefs/history/ada/drink").json()) == 2 * known


@pytest.mark.parametrize(
    ("where", "claimed", "status"),
    [
        ("JSON", "null", 200),
        ("JSON", "own", 200),
        ("form", "own", 200),
        ("query", "own", 200),
        ("JSON", "other", 403),
        ("form", "other", 403),
        ("query", "other", 403),
    ],
)
def test_a_tenants_id_may_come_along(
    where: str, claimed: str, status: int, acme: Tenant, globex: Tenant, editor_key: APIClient
) -> None:
    tenant_id = {"null": None, "own": str(acme.id), "other": str(globex.id)}[claimed]
    if where == "JSON":
        response = send(editor_key, "POST", "/v2/context", {"query": "tea", "tenant_id": tenant_id})
    elif where == "form":
        response = editor_key.post("/v1/ingest", f"user_id=ada&text=Tea.&tenant_id={tenant_id}", content_type=FORM)
    else:
        response = editor_key.get("/v1/beliefs", {"subject_id": "ada", "tenant_id": tenant_id})
    assert response.status_code == status


@pytest.mark.parametrize(
    ("path", "body", "optional"),
    [
        ("/v1/ingest", TEA, ["agent_id", "thread_id"]),
        ("/v1/events", EVENT, ["agent_id", "thread_id"]),
        ("/v1/beliefs", BELIEF, ["domain"]),
        ("/v1/context", {"task": "tea"}, ["query", "user_id", "agent_id", "limit"]),
        ("/v2/context", {"query": "tea"}, ["user_id", "agent_id", "limit"]),
    ],
)
def test_null_says_absent_and_what_is_unknown_is_ignored(
    path: str, body: dict[str, Any], optional: list[str], editor_key: APIClient
) -> None:
    more = {"max_depth": 2, "include_graph": True, "x": [{"y": None}], **dict.fromkeys(optional)}
    assert send(editor_key, "POST", path, body | more).status_code in (200, 201)
