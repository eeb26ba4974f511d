"""No body costs much: 100 ms of a processor for 2 MiB on any route or page, and a second for a batch of 16 MiB."""

import gzip
import logging
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.attack import meant
from tests.attack.bodies import FORMS, JSON, LARGE, MALFORMED, MANY, MIB, PARTS, Nasty
from tests.attack.cpu import cpu_seconds
from tests.factories import anonymous_client, client_for, key_client, make_belief
from tests.memory.transfers import HEADER, NDJSON, make_file
from tests.routes import ROUTES
from tests.studio.browsing import browser, main_form

A_BODY, A_BATCH = 0.1, 1.0  # seconds
SMALL, FORM_SIZE = 16 * 1024, 272 * 1024
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
SMALL_ROUTES = [
    key
    for key, route in ROUTES.items()
    if route.body is not None and not route.path.startswith(("/v1/events", "/v1/beliefs", "/v1/episodes", "/v1/ingest"))
    if "context" not in route.path
]


def send(client: Any, path: str, body: bytes, content_type: str, *, most: float, method: str = "POST") -> HttpResponse:
    seconds, response = cpu_seconds(lambda: client.generic(method, path, body, content_type), enough=most)
    assert seconds < most, f"{seconds:.3f} s, answered {response.status_code}"
    return response


def answer_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("nasty", JSON.values(), ids=JSON)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/ingest", "/v2/context"])
def test_two_mib_of_json_cost_little(path: str, nasty: Nasty, editor_key: APIClient) -> None:
    response = send(editor_key, path, nasty.fill(2 * MIB), "application/json", most=A_BODY)
    assert answer_of(response) == nasty.answer


@pytest.mark.parametrize("nasty", JSON.values(), ids=JSON)
def test_a_batch_of_16_mib_costs_less_than_a_second(nasty: Nasty, editor_key: APIClient) -> None:
    response = send(editor_key, "/v1/events/batch", nasty.fill(16 * MIB), "application/json", most=A_BATCH)
    assert answer_of(response) == nasty.answer


@pytest.mark.parametrize(("path", "body", "status"), meant.ONE.values(), ids=meant.ONE)
def test_a_body_of_the_right_shape_costs_little(path: str, body: bytes, status: int, editor_key: APIClient) -> None:
    assert send(editor_key, path, body, "application/json", most=A_BODY).status_code == status


@pytest.mark.parametrize(("path", "body", "status"), meant.MANY.values(), ids=meant.MANY)
def test_a_batch_of_the_right_shape_costs_less_than_a_second(
    path: str, body: bytes, status: int, editor_key: APIClient
) -> None:
    assert send(editor_key, path, body, "application/json", most=A_BATCH).status_code == status


def test_of_a_batch_the_first_hundred_wrong_items_are_named(editor_key: APIClient) -> None:
    problem = editor_key.post("/v1/events/batch", {"events": [{}] * 1000}).json()
    assert {error["field"].split(".")[1] for error in problem["errors"]} == set(map(str, range(100)))


@pytest.mark.parametrize("nasty", FORMS.values(), ids=FORMS)
def test_a_form_costs_little(nasty: Nasty, editor_key: APIClient) -> None:
    assert answer_of(send(editor_key, "/v1/ingest", nasty.fill(FORM_SIZE), FORM, most=A_BODY)) == nasty.answer
    assert answer_of(send(editor_key, "/v1/ingest", nasty.fill(2 * MIB), FORM, most=A_BODY)) == LARGE
    small = send(anonymous_client(), "/v1/auth/login", nasty.fill(SMALL), FORM, most=A_BODY)
    assert small.status_code in (400, 422)


@pytest.mark.parametrize("nasty", PARTS.values(), ids=PARTS)
def test_a_form_of_parts_costs_little(nasty: Nasty, editor_key: APIClient) -> None:
    response = send(editor_key, "/v1/ingest", nasty.fill(FORM_SIZE), MULTIPART, most=A_BODY)
    assert answer_of(response) in (nasty.answer, MALFORMED)
    assert answer_of(send(editor_key, "/v1/ingest", nasty.fill(2 * MIB), MULTIPART, most=A_BODY)) == LARGE


def test_too_many_fields_are_the_callers_affair_and_no_error_in_the_log(
    editor_key: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert answer_of(editor_key.generic("POST", "/v1/ingest", b"a=b&" * 5000, FORM)) == MALFORMED
        assert with_token(browser()).generic("POST", "/studio/login", b"a=b&" * 2000, FORM).status_code == 400
    assert not caplog.records


@pytest.mark.parametrize(("name", "method"), SMALL_ROUTES)
def test_routes_without_memory_take_16_kib(name: str, method: str, acme_admin: User) -> None:
    path = ROUTES[name, method].path.replace("{id}", "01900000-0000-7000-8000-000000000001")
    client = client_for(acme_admin)
    assert answer_of(client.generic(method, path, b'{"a": "%b"}' % (b"x" * SMALL), "application/json")) == LARGE
    fits = client.generic(method, path, b'{"a": "%b"}' % (b"x" * (SMALL - 9)), "application/json")
    assert fits.status_code != 413


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events/batch"])
def test_values_are_counted_at_any_depth_and_not_in_texts(path: str, editor_key: APIClient) -> None:
    most = 200_000 if path.endswith("batch") else 10_000
    for inner, each in ((b"0", 1), (b'"a,b"', 1), (b"[ ]", 1), (b'{"a":"\\",]"}', 2), (b"[[],[]]", 3)):
        fitting = (most - 2) // each  # beside the object and its list
        for count, answer in ((fitting, (422, "invalid")), (fitting + 1 + (most - 2) % each, MANY)):
            body = b'{"x": [' + b", ".join([inner] * count) + b"]}"
            assert answer_of(editor_key.generic("POST", path, body, "application/json")) == answer


@pytest.mark.parametrize("nasty", JSON.values(), ids=JSON)
def test_a_line_of_an_import_costs_little(nasty: Nasty, acme: Tenant) -> None:
    file = make_file(HEADER).splitlines(keepends=True)[0] + nasty.fill(2 * MIB - 1) + b"\n"
    client = key_client(acme, "admin")
    assert send(client, "/v1/admin/import", file, NDJSON, most=2 * A_BODY).status_code == 422


def with_token(client: Client) -> Client:
    """Without the cookie that belongs to it, a form isn't read."""
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    return client


PAGES = ["/studio/login", "/studio/signup", "/studio/reset", "/studio/keys/new", "/studio/account", "/admin/login/"]


@pytest.mark.parametrize("path", [*PAGES, "/studio/beliefs/01900000-0000-7000-8000-000000000001/edit"])
def test_the_form_of_a_page_costs_little(path: str, acme_editor: User) -> None:
    for client in (with_token(browser()), with_token(browser(acme_editor))):
        for nasty in FORMS.values():
            assert send(client, path, nasty.fill(SMALL), FORM, most=A_BODY).status_code in (400, 403)
            assert send(client, path, nasty.fill(2 * SMALL), FORM, most=A_BODY).status_code == 413
        for nasty in PARTS.values():
            send(client, path, nasty.fill(FORM_SIZE), MULTIPART, most=A_BODY)
            assert send(client, path, nasty.fill(2 * MIB), MULTIPART, most=A_BODY).status_code == 413


def test_a_strangers_file_is_not_read_to_ask_them_to_sign_in() -> None:
    body = PARTS["almost boundaries"].fill(4 * MIB)
    response = send(Client(), "/studio/settings/import", body, MULTIPART, most=A_BODY)
    assert (response.status_code, "too long to keep" in response.content.decode()) == (401, True)


def test_the_longest_belief_can_be_edited(acme: Tenant, acme_editor: User) -> None:
    belief = make_belief(acme)
    client = browser(acme_editor)
    path = f"/studio/beliefs/{belief.id}/edit"
    page = client.get(path)
    assert 'enctype="multipart/form-data"' in page.content.decode()
    typed = main_form(page) | {"value": "\U0001f600" * 65_536, "confidence": "1", "belief_type": "belief", "domain": ""}
    assert client.post(path, typed).status_code == 302


def test_a_packed_line_costs_little(acme: Tenant) -> None:
    packed = gzip.compress(make_file(HEADER).splitlines(keepends=True)[0] + b"[" + b"[]," * (2 * MIB // 3 - 2))
    client = key_client(acme, "admin")
    client.credentials(**client._credentials, HTTP_CONTENT_ENCODING="gzip")
    assert send(client, "/v1/admin/import", packed, NDJSON, most=A_BODY).status_code == 422
