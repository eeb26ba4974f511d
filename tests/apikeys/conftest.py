"""Fixtures that several of these tests use."""

import pytest
from django.test import Client

from tests.operators import operator_client


@pytest.fixture
def operator() -> Client:
    return operator_client()
