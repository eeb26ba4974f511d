"""What every row of memory has. Every table here is behind row-level security: see `transactions/tenant.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg import sql

from tenants.ids import new_id
from tenants.models import Tenant
from tenants.principal import Kind, Principal

NAME_LENGTH: Final = 255  # of users, agents, threads, keys and domains; the caller chooses these names
AUTHORS: Final = ("written_by_key", "written_by_user")
NO_AUTHOR: Final[Mapping[str, UUID | None]] = dict.fromkeys(AUTHORS)  # of an operator's import


@dataclass(frozen=True)
class Counting:
    """How the counts of a tenant include the rows of a model. Each text but the first is SQL."""

    count: str  # a column of `Tally`
    user: str
    day: str = "NULL::date"
    condition: str = "true"

    @property
    def returning(self) -> sql.Composed:
        parts = map(sql.SQL, (self.user, self.day, self.condition))
        return sql.SQL("{} AS name, {} AS day, {} AS counts").format(*parts)


class Remembered(models.Model):
    """Ids are unique per tenant, because an import keeps ids.

    Every key and index begins with the tenant's id, so the schema can be sharded. `COLUMNS` is what the API returns and
    an export contains. Every statement that writes whole rows uses it.
    """

    COLUMNS: ClassVar[tuple[str, ...]]
    COUNTING: ClassVar[Counting]

    pk = models.CompositePrimaryKey("tenant_id", "id")
    id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    written_at = models.DateTimeField(db_default=Now(), editable=False)  # an import keeps `created_at`, but not this
    written_by_key = models.UUIDField(null=True, editable=False)
    written_by_user = models.UUIDField(null=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.id)


def written_by(principal: Principal) -> dict[str, UUID | None]:
    """The columns that say which tenant a row belongs to, and which credential wrote it."""
    return {
        "tenant_id": principal.tenant_id,
        "written_by_key": principal.key_id,
        "written_by_user": principal.user_id if principal.kind is Kind.USER else None,
    }


def filter_index(column: str, order: list[str], *, name: str, condition: Q | None = None) -> models.Index:
    """Finds the rows with one value of a nullable column, in the order of their list."""
    is_set = Q(**{f"{column}__isnull": False})
    return models.Index(
        fields=["tenant", column, *order], condition=condition & is_set if condition else is_set, name=name
    )
