from django.utils import timezone

from accounts.models import User
from tenants.models import Tenant
from tests.studio.browsing import browser


def test_frozen_keys_are_told_on_every_page(acme: Tenant, acme_admin: User, acme_viewer: User) -> None:
    """By the query that knows who is asking: it costs none of its own."""
    Tenant.objects.filter(id=acme.id).update(keys_frozen_at=timezone.now())
    for path in ("/studio/", "/studio/keys", "/studio/settings", "/studio/events"):
        page = browser(acme_admin).get(path).content.decode()
        assert page.count("All keys are frozen") == 1
        assert 'href="/studio/settings/freeze">unfreeze them' in page
    assert "an admin unfreezes them" in browser(acme_viewer).get("/studio/").content.decode()


def test_the_page_that_unfreezes_them_says_it_in_its_own_words(acme: Tenant, acme_admin: User) -> None:
    Tenant.objects.filter(id=acme.id).update(keys_frozen_at=timezone.now())
    page = browser(acme_admin).get("/studio/settings/freeze").content.decode()
    assert "All keys are frozen" not in page
    assert "Once you unfreeze them, each key works as before" in page


def test_keys_that_are_not_frozen_are_not_told_of(acme_admin: User) -> None:
    assert "frozen" not in browser(acme_admin).get("/studio/").content.decode()
