"""How the tests send a JSON body, and what they read of the answer."""

from rest_framework.test import APIClient


def nested(depth: int, innermost: str = "") -> bytes:
    return ("[" * depth + innermost + "]" * depth).encode()


def send(client: APIClient, path: str, body: bytes) -> tuple[int, str]:
    response = client.generic("POST", path, body, "application/json")
    return response.status_code, response.json().get("code")
