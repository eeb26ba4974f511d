"""How the tests hand over text, and read which beliefs it made."""

from typing import Any

from rest_framework.test import APIClient


def ingest(client: APIClient, **fields: Any) -> dict[str, Any]:
    response = client.post("/v1/ingest", {"user_id": "ada", **fields})
    assert response.status_code == 200, response.content
    return response.json()


def values(client: APIClient) -> list[str]:
    return [belief["value"] for belief in client.get("/v1/beliefs?subject_id=ada").json()["items"]][::-1]
