import pytest
from rest_framework.test import APIClient

from accounts.links import invitation_link, reset_link


@pytest.mark.parametrize("link", [invitation_link("a-token"), reset_link("a-token")])
def test_links_lead_to_a_page_that_never_sees_the_token(link: str, anonymous: APIClient) -> None:
    path, _, token = link.removeprefix("http://127.0.0.1:8001").partition("#")
    assert token == "a-token"
    page = anonymous.get(path)
    assert page.status_code == 200
    assert "<style" not in page.content.decode()
    assert "<script>" not in page.content.decode()
