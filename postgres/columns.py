"""A model's columns, for hand-written statements that read or write whole rows. No statement lists them itself."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField, Model
from psycopg.types.json import Jsonb

M = TypeVar("M", bound=Model)


def columns(model: type[Model]) -> str:
    return ", ".join(str(field.column) for field in model._meta.concrete_fields)


def parameters(model: type[Model]) -> str:
    """Placeholders for the `values`, in the order of `columns`."""
    return ", ".join(f"%({field.attname})s" for field in model._meta.concrete_fields)


def row_of(model: type[M], found: Sequence[Any]) -> M:
    """Makes an instance from a row that a statement returned."""
    return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field in model._meta.concrete_fields], found)


def selected(fields: Sequence[str], table: str, others: Mapping[str, str]) -> str:
    """A select list in the order of the fields: each is the column of that name, or its expression in `others`."""
    return ", ".join(others.get(field, f"{table}.{field}") for field in fields)


def values(row: Model) -> dict[str, Any]:
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    for field in row._meta.concrete_fields:
        if isinstance(field, JSONField) and found[field.attname] is not None:
            found[field.attname] = Jsonb(found[field.attname])
    return found
