import pytest
from pytest_django import Settings

from accounts.models import User
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, make_user


@pytest.fixture
def quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]


@pytest.fixture
def ada(acme: Tenant, quick_hashes: None) -> User:
    """An editor of Acme who has a password."""
    return make_user(acme, Role.EDITOR, email="ada@acme.example", password=PASSWORD)
