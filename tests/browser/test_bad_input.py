"""What somebody else's page, or an address made by somebody else, tries on a person who is signed in."""

from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import expect

from apikeys.models import APIKey
from studio import cookies
from tests.browser.conftest import InServer, Open, Watch
from tests.browser.workspace import Workspace
from tests.factories import make_key
from tests.studio.test_sign_in import OPEN_REDIRECTS


def test_no_spelling_of_next_leads_elsewhere(watch: Watch, workspace: Workspace, server_url: str) -> None:
    page = watch(workspace.tokens["viewer"]).page
    for wanted in OPEN_REDIRECTS:
        page.goto("/studio/login?" + urlencode({"next": wanted}))
        assert page.url == f"{server_url}/studio/", wanted


ATTACK = """<!doctype html><title>Win</title><form method="post" action="{target}"><input name="confirm" value="prey">
<input name="csrfmiddlewaretoken" value="{token}"></form><script>document.forms[0].submit()</script>"""


@pytest.mark.parametrize("token", ["", "a" * 64])
def test_a_form_on_another_site_does_nothing(
    token: str, open_context: Open, workspace: Workspace, in_server: InServer, server_url: str
) -> None:
    key = in_server(lambda: make_key(workspace.tenant, name="prey")[0])
    page = open_context(workspace.tokens["admin"]).new_page()
    target = f"{server_url}/studio/keys/{key.id}/revoke"
    attack = ATTACK.format(target=target, token=token)
    page.route("http://evil.example/**", lambda route: route.fulfill(body=attack, content_type="text/html"))
    page.goto("http://evil.example/")
    expect(page.get_by_text("came from another site")).to_be_visible()
    assert in_server(lambda: APIKey.objects.get(id=key.id)).revoked_at is None


@pytest.mark.parametrize("forged", ["cookie", "field", "both of another browser's"])
def test_a_forged_csrf_token_is_refused(forged: str, workspace: Workspace, server_url: str) -> None:
    with httpx.Client(base_url=server_url, cookies={cookies.NAME: workspace.tokens["admin"]}) as http:
        field = csrf_of(http)
        if forged == "cookie":
            http.cookies.set("csrf", "a" * 32, domain="127.0.0.1", path="/")
        else:
            with httpx.Client(base_url=server_url, cookies={cookies.NAME: workspace.tokens["viewer"]}) as other:
                field = csrf_of(other)
        headers = {"Origin": "http://evil.example"} if forged == "both of another browser's" else {}
        answer = http.post("/studio/keys/new", data={"csrfmiddlewaretoken": field, "name": "x"}, headers=headers)
        assert answer.status_code == 403


def csrf_of(http: httpx.Client) -> str:
    return http.get("/studio/").text.partition('name="csrfmiddlewaretoken" value="')[2][:64]


def test_no_other_site_may_frame_a_page(open_context: Open, workspace: Workspace, server_url: str) -> None:
    page = open_context(workspace.tokens["admin"]).new_page()
    frame = f'<!doctype html><iframe src="{server_url}/studio/keys"></iframe>'
    page.route("http://evil.example/**", lambda route: route.fulfill(body=frame, content_type="text/html"))
    page.goto("http://evil.example/")
    assert "API keys" not in page.frames[1].content()
