import pytest
from pytest_django import Settings

from accounts.models import Session, User
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, make_session, make_user


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    """Argon2 takes 28 ms, and hundreds of tests hash a password. `test_onboarding.py` looks at a real hash."""
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]


@pytest.fixture
def session(acme_viewer: User) -> Session:
    return make_session(acme_viewer)


@pytest.fixture
def ada(acme: Tenant) -> User:
    """An editor of Acme who has a password."""
    return make_user(acme, Role.EDITOR, email="ada@acme.example", password=PASSWORD)
