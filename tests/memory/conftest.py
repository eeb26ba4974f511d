"""Fixtures that several of these tests use."""

from collections.abc import Iterator

import pytest

from accounts.models import User
from tenants.models import Tenant
from tests.memory.counted import Workspace
from tests.memory.reading import kept_rows


@pytest.fixture
def workspace(acme: Tenant, acme_admin: User) -> Workspace:
    return Workspace(acme, acme_admin)


@pytest.fixture
def nothing_is_written(acme: Tenant) -> Iterator[None]:
    """After the test, Acme must have no row."""
    yield
    assert kept_rows(acme) == {}
