"""What users of such systems complain of most, where it concerns the whole installation."""

from rest_framework.test import APIClient

from tests.memgraph.processes import refusal
from tests.routes import PUBLIC, ROUTES

NO_AUTHORS_DATABASE = "postgresql://memgraph@127.0.0.1:1/memgraph"


def test_no_memory_is_open_to_callers_without_credentials(anonymous: APIClient) -> None:
    for (_, method), route in ROUTES.items():
        if route.who != PUBLIC:
            path = route.path.replace("{id}", "01a208d9-5cc5-74e6-887b-8ca0e8a70576")
            assert anonymous.generic(method, path).status_code == 401, (method, path)


def test_a_missing_secret_is_named_at_start_and_not_at_first_use() -> None:
    said = refusal(DATABASE_URL=NO_AUTHORS_DATABASE)
    assert "SECRET_KEY is not set" in said
    assert "secrets.token_urlsafe" in said
