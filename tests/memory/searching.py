"""How the tests search, and which keys they read of the answer."""

from typing import Any

from rest_framework.test import APIClient

from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant


def search(client: APIClient, query: str, **fields: Any) -> dict[str, Any]:
    response = client.post("/v2/context", {"query": query, "user_id": "alice", **fields})
    assert response.status_code == 200
    return response.json()


def know(tenant: Tenant, beliefs: dict[str, str]) -> None:
    """Writes beliefs of Alice as rows. A thousand of them take seconds over the API."""
    rows = [
        Belief(tenant_id=tenant.id, subject_id="alice", key=key, value=value, confidence=0.5, belief_type="fact")
        for key, value in beliefs.items()
    ]
    with tenant_transaction(tenant.id):
        Belief.objects.bulk_create(rows)


def keys(found: dict[str, Any]) -> list[str]:
    return [memory["metadata"]["key"] for memory in found["memories"]]
