import pytest

from accounts.models import User
from tests.logs import logged
from tests.operators import list_url, operator_client


def test_errors_of_django_are_logged_without_the_query_string(caplog: pytest.LogCaptureFixture) -> None:
    response = operator_client().get(list_url(User), {"password__startswith": "pasted"})
    assert response.status_code == 400
    assert "DisallowedModelAdminLookup" in logged(caplog)
    assert "pasted" not in logged(caplog)
