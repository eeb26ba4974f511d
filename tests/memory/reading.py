"""How the tests of memory read answers."""

from typing import Any
from urllib.parse import quote

from rest_framework.response import Response
from rest_framework.test import APIClient

from memory.models import Belief, EndUser, Episode, Event, Tally, UnsettledSpan
from memory.transactions import tenant_transaction
from tenants.models import Tenant

TABLES = (Event, Belief, Episode, EndUser, UnsettledSpan, Tally)


def faults(response: Response) -> list[tuple[str, str]]:
    """Field and code of every fault in a 422."""
    assert response.status_code == 422, response.content
    return [(error["field"], error["code"]) for error in response.json()["errors"]]


def pages(client: APIClient, path: str, **params: Any) -> list[list[dict[str, Any]]]:
    """Every page of a list, first to last."""
    read: list[list[dict[str, Any]]] = []
    cursor = None
    while not read or cursor:
        answer = client.get(path, params | ({"cursor": cursor} if cursor else {})).json()
        read.append(answer["items"])
        cursor = answer["next_cursor"]
    return read


def kept_rows(tenant: Tenant) -> dict[str, int]:
    """How many rows of a tenant there are in each table that has any: counted one by one, not taken from the tally."""
    with tenant_transaction(tenant.id):
        counts = {model.__name__: model.objects.for_tenant(tenant.id).count() for model in TABLES}
    return {name: count for name, count in counts.items() if count}


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["id"] for row in rows]


def timeline(client: APIClient, subject: str = "ada", **params: Any) -> dict[str, Any]:
    return client.get(f"/v1/beliefs/timeline/{quote(subject, safe='/')}", params).json()


def values(versions: list[dict[str, Any]]) -> list[str]:
    return [version["value"] for version in versions]
