"""How the tests search, and which keys they read of the answer."""

from typing import Any

from rest_framework.test import APIClient


def search(client: APIClient, query: str, **fields: Any) -> dict[str, Any]:
    response = client.post("/v2/context", {"query": query, "user_id": "alice", **fields})
    assert response.status_code == 200
    return response.json()


def keys(found: dict[str, Any]) -> list[str]:
    return [memory["metadata"]["key"] for memory in found["memories"]]
