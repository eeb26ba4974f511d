import pytest

from accounts.models import User
from studio import cookies
from tenants.models import AuditEntry, Tenant
from tests.factories import PASSWORD, key_client, make_event, make_user
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)
LIMITS = ("max_key_lifetime_days", "rate_limit_per_minute", "event_retention_days")
TYPED = {"name": "Acme", "sector": ""} | dict.fromkeys(LIMITS, "")


@pytest.fixture
def boss(acme: Tenant) -> User:
    return make_user(acme, email="boss@acme.example", password=PASSWORD)


def test_settings_are_saved(acme: Tenant, boss: User) -> None:
    client = browser(boss)
    typed = {"name": "Acme & Sons", "sector": "energy", "require_key_expiry": "true", "max_key_lifetime_days": "90"}
    limits = {"rate_limit_per_minute": "600", "event_retention_days": "365"}
    done = submit(client, "/studio/settings", follow=True, **typed, **limits)
    page = done.content.decode()
    assert "The settings are saved." in page
    assert 'value="Acme &amp; Sons"' in page
    acme.refresh_from_db()
    assert (acme.name, acme.sector, acme.require_key_expiry) == ("Acme & Sons", "energy", True)
    assert (acme.max_key_lifetime_days, acme.rate_limit_per_minute, acme.event_retention_days) == (90, 600, 365)


def test_what_is_left_empty_is_no_limit(acme: Tenant, boss: User) -> None:
    Tenant.objects.update(**dict.fromkeys(LIMITS, 90), require_key_expiry=True)
    submit(browser(boss), "/studio/settings", **TYPED)
    acme.refresh_from_db()
    assert [getattr(acme, name) for name in LIMITS] == [None] * 3
    assert not acme.require_key_expiry


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "may not be blank"),
        ("name", "x" * 101, "no more than 100"),
        ("name", "a\nb", "Control characters"),
        ("max_key_lifetime_days", "0", "greater than or equal to 1"),
        ("max_key_lifetime_days", "99999", "less than or equal to 3650"),
        ("max_key_lifetime_days", "soon", "valid integer"),
        ("rate_limit_per_minute", "-1", "greater than or equal to 1"),
        ("event_retention_days", "36501", "less than or equal to 36500"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field: str, value: str, sentence: str, acme: Tenant, boss: User) -> None:
    response = submit(browser(boss), "/studio/settings", **{**TYPED, "sector": "energy", field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page.partition(f'id="{field}-says"')[2].partition("</span>")[0]
    assert 'value="energy"' in page
    acme.refresh_from_db()
    assert acme.sector == ""


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202eevil", "x" * 100])
def test_a_hostile_name_is_inert(name: str, acme: Tenant, boss: User) -> None:
    client = browser(boss)
    submit(client, "/studio/settings", **{**TYPED, "name": name})
    for path in ("/studio/settings", "/studio/settings/delete", "/studio/"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page


def test_keys_are_frozen_and_unfrozen(acme: Tenant, boss: User) -> None:
    program, client = key_client(acme), browser(boss)
    done = submit(client, "/studio/settings/freeze", follow=True)
    assert "All keys are frozen" in done.content.decode()
    assert program.get("/v1/stats").json()["code"] == "keys_frozen"
    submit(client, "/studio/settings/freeze")
    assert program.get("/v1/stats").status_code == 200


def test_two_who_freeze_at_once_both_freeze(acme: Tenant, boss: User) -> None:
    client = browser(boss)
    first, second = (main_form(client.get("/studio/settings/freeze")) for _ in range(2))
    for typed in (first, second):
        assert client.post("/studio/settings/freeze", typed).status_code == 302
    acme.refresh_from_db()
    assert acme.keys_frozen_at is not None


@pytest.mark.parametrize(
    ("confirm", "password", "sentence"),
    [
        ("acme", PASSWORD, "This is not the name of the workspace."),
        ("", PASSWORD, "may not be blank"),
        ("Acme", "wrong horse", "This is not your password."),
        ("Acme", "", "may not be blank"),
    ],
)
def test_deleting_asks_for_the_name_and_the_password(
    confirm: str, password: str, sentence: str, acme: Tenant, boss: User
) -> None:
    response = submit(browser(boss), "/studio/settings/delete", confirm=confirm, password=password)
    assert (response.status_code, sentence in response.content.decode()) == (422, True)
    assert Tenant.objects.filter(id=acme.id, suspended_at=None).exists()


def test_a_deleted_workspace_says_goodbye_and_signs_out(acme: Tenant, boss: User) -> None:
    make_event(acme)
    client = browser(boss)
    response = submit(client, "/studio/settings/delete", confirm="Acme", password=PASSWORD)
    page = response.content.decode()
    assert "Goodbye" in page
    assert "1 event," in page
    assert response.cookies[cookies.NAME].value == ""
    assert not Tenant.objects.exists()
    assert not User.objects.exists()
    assert [row.action for row in AuditEntry.objects.all()] == ["tenant.deleted"]
    assert client.get("/studio/").status_code == 302
