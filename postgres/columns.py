"""The columns of a model, for statements of ours that write or read whole rows: the model alone names them."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField, Model
from psycopg.types.json import Jsonb

M = TypeVar("M", bound=Model)


def columns(model: type[Model]) -> str:
    return ", ".join(str(field.column) for field in model._meta.concrete_fields)


def parameters(model: type[Model]) -> str:
    """In the order of `columns`, with the names of `values`."""
    return ", ".join(f"%({field.attname})s" for field in model._meta.concrete_fields)


def row_of(model: type[M], found: Sequence[Any]) -> M:
    """The row whose `columns` a statement answered."""
    return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field in model._meta.concrete_fields], found)


def values(row: Model) -> dict[str, Any]:
    found = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    for field in row._meta.concrete_fields:
        if isinstance(field, JSONField) and found[field.attname] is not None:
            found[field.attname] = Jsonb(found[field.attname])
    return found
