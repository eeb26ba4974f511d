"""A tenant with a row in every table, and a search for its traces in all tables."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import Invitation, ResetToken, User
from tenants.models import Tenant
from tests.factories import PASSWORD, make_belief, make_episode, make_event, make_key, make_session, make_user


def furnish(tenant: Tenant, operator: User) -> User:
    """Makes a row in every table that can have one, and returns the tenant's admin."""
    admin = make_user(tenant, password=PASSWORD, email=f"admin@{tenant.name.lower()}.example")
    for number in range(5):
        make_session(make_user(tenant, role="viewer"))
        event = make_event(tenant)
        make_belief(tenant, value=f"city {number}")
        make_episode(tenant, event_ids=[event.id])
        make_key(tenant)
    ends = {"expires_at": timezone.now() + timedelta(hours=1)}
    ResetToken.objects.create(user=admin, digest=uuid.uuid4().bytes, **ends)
    Invitation.objects.create(tenant=tenant, email="new@example.com", role="viewer", digest=uuid.uuid4().bytes, **ends)
    LogEntry.objects.create(
        user=operator,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(admin.id),
        object_repr=admin.email,
        action_flag=CHANGE,
    )
    return admin


def texts(model: type[models.Model]) -> Iterator[str]:
    """Every row of a table as text, whichever tenant it belongs to."""
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if model._meta.app_label == "memory":
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        cursor.execute(f"SELECT t::text FROM {table} AS t")
        rows = cursor.fetchall()
        if model._meta.app_label == "memory":
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    yield from (row for (row,) in rows)


def rows_with(*words: str) -> dict[str, int]:
    """How many rows of each table contain any of these words."""
    all_models = apps.get_models(include_auto_created=True)
    found = {model._meta.label: sum(any(word in row for word in words) for row in texts(model)) for model in all_models}
    return {label: count for label, count in found.items() if count}


def traces(tenant: Tenant) -> list[str]:
    people = [str(value) for row in User.objects.filter(tenant=tenant).values_list("id", "email") for value in row]
    keys = [str(key.id) for key in tenant.api_keys.all()]
    return [str(tenant.id), *people, *keys]
