import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    """How passwords are hashed, the tests of accounts tell."""
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]
