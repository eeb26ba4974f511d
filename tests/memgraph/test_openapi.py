import pytest
from openapi_spec_validator import validate
from rest_framework.test import APIClient

from tenants.audit.actions import Action
from tests.routes import PUBLIC, ROUTES

UNDESCRIBED = {"metrics", "schema", "docs", "health-v1", "root", "to-admin", "to-studio"}


@pytest.fixture
def document(anonymous: APIClient) -> dict:
    return anonymous.get("/v1/schema").json()


def test_the_schema_is_valid_openapi_3_1(document: dict) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_route_is_described_with_its_credentials(document: dict) -> None:
    parameters = {"/v1/beliefs/history/ada/city": "/v1/beliefs/history/{user_id}/{key}"}
    parameters["/v1/beliefs/timeline/ada"] = "/v1/beliefs/timeline/{user_id}"
    for (name, method), route in ROUTES.items():
        if name in UNDESCRIBED:
            continue
        path = route.path.partition("?")[0]
        operation = document["paths"][parameters.get(path, path)][method.lower()]
        assert operation["summary"]
        secured = {scheme for option in operation.get("security", []) for scheme in option}
        assert secured == (set() if route.who == PUBLIC else {"JWT"} if route.jwt_only else {"JWT", "APIKey"})


def test_every_operation_says_how_its_problems_look(document: dict) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_an_audit_row_has_one_of_the_known_actions(document: dict) -> None:
    schemas = document["components"]["schemas"]
    assert {"$ref": "#/components/schemas/ActionEnum"} in schemas["AuditEntry"]["properties"]["action"]["allOf"]
    assert schemas["ActionEnum"]["enum"] == Action.values


def test_the_page_loads_nothing_from_elsewhere_and_nothing_inline(anonymous: APIClient) -> None:
    page = anonymous.get("/docs").content.decode()
    assert "http://" not in page
    assert "https://" not in page
    assert "<style" not in page
    assert "<script>" not in page
