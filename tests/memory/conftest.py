"""Fixtures that several of these tests use."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from accounts.models import User
from tenants.models import Tenant
from tests.factories import PASSWORD
from tests.memory.counted import Workspace
from tests.memory.crowd import LARGE, SMALL, make_crowd, remove_crowd
from tests.memory.deletions import furnish
from tests.memory.reading import kept_rows
from tests.memory.undoing import Cast


@pytest.fixture
def workspace(acme: Tenant, acme_admin: User) -> Workspace:
    return Workspace(acme, acme_admin)


@pytest.fixture
def nothing_is_written(acme: Tenant) -> Iterator[None]:
    """After the test, Acme must have no row."""
    yield
    assert kept_rows(acme) == {}


@pytest.fixture
def operator() -> User:
    """An operator of the Django admin."""
    return User.objects.create_superuser("operator@example.com", PASSWORD)


@pytest.fixture
def boss(acme: Tenant, globex: Tenant, operator: User) -> User:
    """The admin of Acme, which has a row in every table. So has Globex."""
    furnish(globex, operator)
    return furnish(acme, operator)


@pytest.fixture
def cast(acme: Tenant, acme_admin: User) -> Cast:
    return Cast(acme, acme_admin)


@pytest.fixture(
    scope="module", params=[pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.soak)]
)
def crowd(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Tenant]:
    """The large tenant of a crowd. It is committed, and made once for all tests of a file, which takes seconds."""
    with django_db_blocker.unblock():
        yield make_crowd(request.param)
        remove_crowd()
