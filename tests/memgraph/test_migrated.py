"""The start finds out without Django's apps whether there is something to migrate."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from memgraph.startup import migrations_in_database, migrations_on_disk

pytestmark = pytest.mark.django_db


def applied() -> set[tuple[str, str]]:
    connection.ensure_connection()
    return migrations_in_database(connection.connection)


def test_it_knows_every_migration_that_django_finds() -> None:
    assert migrations_on_disk() == set(MigrationLoader(connection).disk_migrations)


def test_it_knows_what_was_applied() -> None:
    assert migrations_on_disk() <= applied()


def test_a_migration_that_is_missing_is_noticed() -> None:
    MigrationRecorder(connection).record_unapplied("memory", "0012_number_the_spans")
    assert ("memory", "0012_number_the_spans") not in applied()


def test_in_an_empty_database_nothing_is_applied() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO elsewhere")
    assert applied() == set()
