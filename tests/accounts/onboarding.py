"""How the tests of onboarding ask for an account, and what they read of the answer."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import PASSWORD

PATH = "/v1/auth/onboard"
WANTED = {
    "email": "grace.hopper@navy.example",
    "password": PASSWORD,
    "full_name": "Grace Hopper",
    "cluster_name": "Navy",
    "sector": "defence",
}


def onboard(client: APIClient, **changes: Any) -> Any:
    return client.post(PATH, WANTED | changes)


def field_codes(response: Any) -> set[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    return {(error["field"], error["code"]) for error in response.json()["errors"]}


def nothing_was_made() -> bool:
    return not (Tenant.objects.exists() or User.objects.exists() or APIKey.objects.exists())
