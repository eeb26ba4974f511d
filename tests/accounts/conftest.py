import pytest
from pytest_django import Settings

from accounts.hashers import OWASPArgon2PasswordHasher
from accounts.models import Session, User
from tests.factories import make_session


class QuickHasher(OWASPArgon2PasswordHasher):
    """Argon2id with the least work that it allows: with ours, a test of ten passwords takes a second."""

    memory_cost = 8
    time_cost = 1


@pytest.fixture
def quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickHasher"]


@pytest.fixture
def session(acme_viewer: User) -> Session:
    return make_session(acme_viewer)
