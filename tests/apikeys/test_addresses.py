"""A key bound to networks works from there and nowhere else."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apikeys.models import APIKey
from tenants.models import AuditEntry, Tenant
from tests.factories import anonymous_client, changed_key, make_key

NORMALISED = [
    ("192.0.2.1", "192.0.2.1/32"),
    ("192.0.2.0/24", "192.0.2.0/24"),
    (" 10.0.0.0/8 ", "10.0.0.0/8"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8:0:0::1", "2001:db8::1/128"),
    ("2001:db8::/32", "2001:db8::/32"),
    ("::/0", "::/0"),
    ("::ffff:192.0.2.1", "192.0.2.1/32"),
    ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
]
CALLS = [
    (["192.0.2.0/24"], "192.0.2.0", True),
    (["192.0.2.0/24"], "192.0.2.255", True),
    (["192.0.2.0/24"], "192.0.3.0", False),
    (["192.0.2.1/32"], "192.0.2.1", True),
    (["192.0.2.1/32"], "192.0.2.2", False),
    (["192.0.2.1/32"], "::ffff:192.0.2.1", True),
    (["192.0.2.1/32"], "::ffff:192.0.2.2", False),
    (["192.0.2.1/32"], "::192.0.2.1", False),
    (["0.0.0.0/0"], "2001:db8::1", False),
    (["::/0"], "192.0.2.1", False),
    (["::/0"], "2001:db8::1", True),
    (["2001:db8::/32"], "2001:db8:ffff::1", True),
    (["2001:db8::/32"], "2001:db9::1", False),
    (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
    (["192.0.2.1/32"], "", False),
    (["0.0.0.0/0", "::/0"], "unix:", False),
    ([], "192.0.2.1", True),
    ([], "", True),
]


@pytest.mark.parametrize(("sent", "kept"), NORMALISED)
def test_networks_are_kept_in_one_form(sent: str, kept: str, admin: APIClient) -> None:
    made = admin.post("/v1/api-keys", {"name": "k", "allowed_ips": [sent, kept]}).json()
    assert made["allowed_ips"] == [kept]  # twice the same is once
    assert admin.patch(f"/v1/api-keys/{made['id']}", {"allowed_ips": [kept]}).json()["allowed_ips"] == [kept]


def test_fifty_networks_fit(admin: APIClient) -> None:
    networks = [f"2001:db8:ffff:ffff:ffff:ffff:ffff:{number:x}/128" for number in range(0x1000, 0x1032)]
    made = admin.post("/v1/api-keys", {"name": "k", "allowed_ips": networks})
    assert (made.status_code, made.json()["allowed_ips"]) == (201, networks)


def test_a_network_with_host_bits_is_answered_with_the_one_meant(admin: APIClient) -> None:
    (error,) = admin.post("/v1/api-keys", {"name": "k", "allowed_ips": ["192.0.2.7/24"]}).json()["errors"]
    assert (error["code"], "192.0.2.0/24" in error["detail"]) == ("host_bits_set", True)


@pytest.mark.parametrize(("networks", "address", "let_in"), CALLS)
def test_a_key_works_from_its_networks_alone(networks: list[str], address: str, let_in: bool, acme: Tenant) -> None:
    _, plaintext = make_key(acme, allowed_ips=networks)
    response = anonymous_client(HTTP_X_API_KEY=plaintext, REMOTE_ADDR=address).get("/v1/stats")
    if let_in:
        assert response.status_code == 200
    else:
        assert (response.status_code, response.json()["code"]) == (403, "address_not_allowed")
        assert APIKey.objects.get().last_used_at is None
        assert not AuditEntry.objects.filter(action="key.first_used").exists()


@pytest.mark.parametrize(
    ("proxies", "forwarded", "let_in"),
    [
        (0, "192.0.2.1", False),
        (1, "192.0.2.1", True),
        (1, "192.0.2.1, 198.51.100.7", False),
        (1, "198.51.100.7, 192.0.2.1", True),
        (2, "192.0.2.1, 198.51.100.7", True),
        (2, "192.0.2.1", False),
        (1, "::ffff:192.0.2.1", True),
        (1, "nonsense", False),
    ],
)
def test_the_address_is_the_one_that_trusted_proxies_tell(
    proxies: int, forwarded: str, let_in: bool, acme: Tenant, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    _, plaintext = make_key(acme, allowed_ips=["192.0.2.1/32"])
    client = anonymous_client(HTTP_X_API_KEY=plaintext, HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR="203.0.113.9")
    assert client.get("/v1/stats").status_code == (200 if let_in else 403)


def test_an_ended_key_is_told_so_from_anywhere(acme: Tenant) -> None:
    """Validity first: the address says nothing about a key that is gone."""
    _, plaintext = changed_key(acme, allowed_ips=["192.0.2.1/32"], revoked_at="2026-01-01T00:00:00Z")
    response = anonymous_client(HTTP_X_API_KEY=plaintext, REMOTE_ADDR="203.0.113.9").get("/v1/stats")
    assert (response.status_code, response.json()["code"]) == (401, "key_revoked")


def test_a_change_counts_from_the_next_request_on(acme: Tenant, admin: APIClient) -> None:
    key, plaintext = make_key(acme)
    client = anonymous_client(HTTP_X_API_KEY=plaintext)
    assert client.get("/v1/stats").status_code == 200
    admin.patch(f"/v1/api-keys/{key.id}", {"allowed_ips": ["192.0.2.1"]})
    assert client.get("/v1/stats").status_code == 403
    admin.patch(f"/v1/api-keys/{key.id}", {"allowed_ips": []})
    assert client.get("/v1/stats").status_code == 200
    changes = AuditEntry.objects.filter(action="key.changed").order_by("number").values_list("before", "after")
    assert list(changes) == [
        ({"allowed_ips": []}, {"allowed_ips": ["192.0.2.1/32"]}),
        ({"allowed_ips": ["192.0.2.1/32"]}, {"allowed_ips": []}),
    ]
