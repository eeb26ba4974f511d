import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def quick_hashes(settings: Settings) -> None:
    """The tests of accounts check how passwords are hashed."""
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]
