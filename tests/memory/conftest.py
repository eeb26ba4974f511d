"""What several files of these tests start from."""

import pytest

from accounts.models import User
from tenants.models import Tenant
from tests.memory.counted import Workspace


@pytest.fixture
def workspace(acme: Tenant, acme_admin: User) -> Workspace:
    return Workspace(acme, acme_admin)
