"""What our backend of Django's does with transactions."""

import pytest
from django.db import NotSupportedError, connection, transaction

from postgres.statements import Statement
from tests.connections import own

ONE = Statement("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_autocommit_is_not_switched_off() -> None:
    """Django would believe that a transaction is open, and each statement would be committed by itself."""
    with pytest.raises(NotSupportedError, match="atomic"):
        transaction.set_autocommit(False)
    assert transaction.get_autocommit()
    with transaction.atomic():
        assert not transaction.get_autocommit()
    assert transaction.get_autocommit()
    transaction.set_autocommit(True)
    assert own().autocommit


@pytest.mark.django_db(transaction=True)
def test_a_database_without_autocommit_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "AUTOCOMMIT", False)
        with pytest.raises(NotSupportedError, match="atomic"):
            connection.ensure_connection()
        connection.close()
    assert ONE.rows() == [(1,)]
