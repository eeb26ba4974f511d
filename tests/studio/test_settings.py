from datetime import timedelta

import pytest
from django.utils import timezone

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
    assert "Settings saved." in page
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


def test_two_tabs_lose_nobodys_change(acme: Tenant, boss: User) -> None:
    client = browser(boss)
    first, second = (main_form(client.get("/studio/settings")) | TYPED for _ in range(2))
    done = client.post("/studio/settings", first | {"sector": "energy", "require_key_expiry": "true"})
    assert done.status_code == 302
    done = client.post("/studio/settings", second | {"rate_limit_per_minute": "600"})
    assert done.status_code == 302
    acme.refresh_from_db()
    assert (acme.sector, acme.require_key_expiry, acme.rate_limit_per_minute) == ("energy", True, 600)


def test_who_changes_what_somebody_else_has_changed_is_told(acme: Tenant, boss: User) -> None:
    client = browser(boss)
    first, second = (main_form(client.get("/studio/settings")) | TYPED for _ in range(2))
    client.post("/studio/settings", first | {"name": "Acme <b>", "sector": "energy"})
    refused = client.post("/studio/settings", second | {"name": "Acme Ltd"})
    page = refused.content.decode()
    assert refused.status_code == 409
    assert "The name is now “Acme &lt;b&gt;”. Save again to keep what you typed." in page
    assert 'value="Acme Ltd"' in page
    assert 'value="energy"' in page
    shown = TYPED | {"name": "Acme Ltd", "sector": "energy"}
    wrong = client.post("/studio/settings", main_form(refused) | shown | {"event_retention_days": "0"})
    assert wrong.status_code == 422
    assert client.post("/studio/settings", main_form(wrong) | shown).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.sector) == ("Acme Ltd", "energy")


@pytest.mark.parametrize("seen", ["", "x", "[]", "null", "[" * 10_000, '{"name": {}}'])
def test_a_form_that_does_not_say_what_it_showed_overwrites_nothing(seen: str, acme: Tenant, boss: User) -> None:
    response = submit(browser(boss), "/studio/settings", **TYPED | {"seen": seen, "name": "Acme Ltd"})
    assert response.status_code == 409
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_keeping_events_for_fewer_days_is_confirmed(acme: Tenant, boss: User) -> None:
    for days in (1, 40, 50):
        make_event(acme, occurred_at=timezone.now() - timedelta(days=days))
    client = browser(boss)
    asked = submit(client, "/studio/settings", **TYPED | {"event_retention_days": "45"})
    assert (asked.status_code, "Remove 1 event<" in asked.content.decode()) == (422, True)
    ticked = main_form(asked) | TYPED | {"event_retention_days": "30", "confirmed_days": "45"}
    asked = client.post("/studio/settings", ticked)
    assert (asked.status_code, "Remove 2 events<" in asked.content.decode()) == (422, True)
    assert Tenant.objects.get().event_retention_days is None
    done = client.post("/studio/settings", main_form(asked) | ticked | {"confirmed_days": "30"})
    assert done.status_code == 302
    assert Tenant.objects.get().event_retention_days == 30


@pytest.mark.parametrize(("before", "days"), [(None, "60"), (10, "30"), (30, "30"), (30, "")])
def test_keeping_events_as_long_or_longer_asks_nothing(before: int | None, days: str, acme: Tenant, boss: User) -> None:
    make_event(acme, occurred_at=timezone.now() - timedelta(days=50))
    Tenant.objects.update(event_retention_days=before)
    typed = TYPED | {"event_retention_days": days, "sector": "energy"}
    assert submit(browser(boss), "/studio/settings", **typed).status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Fill in this field."),
        ("name", "x" * 101, "At most 100 characters."),
        ("name", "a\nb", "Control characters"),
        ("max_key_lifetime_days", "0", "At least 1."),
        ("max_key_lifetime_days", "99999", "At most 3,650."),
        ("max_key_lifetime_days", "soon", "Enter a whole number."),
        ("rate_limit_per_minute", "-1", "At least 1."),
        ("event_retention_days", "36501", "At most 36,500."),
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
        ("", PASSWORD, "Fill in this field."),
        ("Acme", "wrong horse", "This is not your password."),
        ("Acme", "", "Fill in this field."),
    ],
)
def test_deleting_asks_for_the_name_and_the_password(
    confirm: str, password: str, sentence: str, acme: Tenant, boss: User
) -> None:
    response = submit(browser(boss), "/studio/settings/delete", confirm=confirm, password=password)
    page = response.content.decode()
    assert (response.status_code, sentence in page, "Nothing was changed." in page) == (422, True, True)
    assert Tenant.objects.filter(id=acme.id, suspended_at=None).exists()


def test_a_deleted_workspace_says_goodbye_and_signs_out(acme: Tenant, boss: User) -> None:
    make_event(acme)
    client = browser(boss)
    response = submit(client, "/studio/settings/delete", confirm="Acme", password=PASSWORD)
    page = response.content.decode()
    assert "Workspace deleted" in page
    assert "1 event," in page
    assert response.cookies[cookies.NAME].value == ""
    assert not Tenant.objects.exists()
    assert not User.objects.exists()
    assert [row.action for row in AuditEntry.objects.all()] == ["tenant.deleted"]
    assert client.get("/studio/").status_code == 302
