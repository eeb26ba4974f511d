"""The lines of an export: their columns, and how each column of an untrusted line is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final
from uuid import UUID

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import models

from memory.beliefs.models import Belief
from memory.episodes.models import Episode
from memory.episodes.serializers import EVENT_IDS, TAGS
from memory.events.content import LARGEST_CONTENT, content_size
from memory.events.models import Event
from memory.records import AUTHORS, Remembered
from memory.serializers import VALUE_LENGTH
from tenants.ids import parse_id

FORMAT: Final = "memgraph-export"
VERSION: Final = 1
SINCE_VERSION_1: Final = {"summary_kind", "derived"}  # older files of this version lack them
LONGEST_LISTS: Final = {"tags": TAGS, "event_ids": EVENT_IDS}

Read = Callable[[Any], Any]


def text(value: Any, *, longest: int) -> str:
    if not isinstance(value, str) or not value or len(value) > longest:
        raise ValueError(f"must be text of 1 to {longest:,} characters")
    return value


def row_id(value: Any) -> UUID:
    parsed = parse_id(value)
    if parsed is None:
        raise ValueError("must be a UUID")
    return parsed


def moment(value: Any) -> datetime:
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None:
            raise ValueError
        return parsed.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-01-31T12:00:00Z") from None


def share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(value)


def json_object(value: Any) -> str:
    """Returns JSON text, for COPY."""
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    if content_size(value) > LARGEST_CONTENT:
        raise ValueError(f"must have at most {LARGEST_CONTENT:,} bytes")
    return orjson.dumps(value).decode()


def one_of(value: Any, *, choices: list[str]) -> str:
    if value not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}")
    return str(value)


def true_or_false(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def optional(value: Any, *, read: Read, default: Any = None) -> Any:
    return default if value is None else read(value)


def list_of(value: Any, *, read: Read, longest: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        raise ValueError(f"must be a list of at most {longest:,}")
    return [read(item) for item in value]


READERS: Final[dict[type, Read]] = {
    models.UUIDField: row_id,
    models.DateTimeField: moment,
    models.FloatField: share,
    models.BooleanField: true_or_false,
    models.JSONField: json_object,
}


def reader_of(field: "models.Field[Any, Any]") -> Read:
    """Returns the function that reads a column's value from a line. It raises ValueError with the reason."""
    read = reader_by_type(field)
    if field.null:
        return partial(optional, read=read)
    if field.name in SINCE_VERSION_1:
        return partial(optional, read=read, default=field.get_default())
    return read


def reader_by_type(field: "models.Field[Any, Any]") -> Read:
    if isinstance(field, ArrayField):
        return partial(list_of, read=reader_by_type(field.base_field), longest=LONGEST_LISTS[field.name])
    if field.choices:
        return partial(one_of, choices=[value for value, _ in field.flatchoices])
    if isinstance(field, models.CharField | models.TextField):
        return partial(text, longest=field.max_length or VALUE_LENGTH)
    return READERS[type(field)]


def check_belief(row: Mapping[str, Any]) -> None:
    if (row["status"] == Belief.Status.ACTIVE) != (row["ended_at"] is None):
        raise ValueError("ended_at must be set if and only if the status is not active")


def check_episode(row: Mapping[str, Any]) -> None:
    if row["ended_at"] is not None and row["ended_at"] < row["started_at"]:
        raise ValueError("ended_at is before started_at")
    if row["derived"] and (row["ended_at"] is None or not row["event_ids"]):
        raise ValueError("a derived episode must have ended_at and event_ids")


def no_check(row: Mapping[str, Any]) -> None:
    pass


@dataclass(frozen=True)
class RowType:
    name: str
    model: type[Remembered]
    check: Callable[[Mapping[str, Any]], None] = no_check

    @cached_property
    def columns(self) -> Mapping[str, Read]:
        """How each column is read. The import sets the authors itself."""
        names = [name for name in self.model.COLUMNS if name not in AUTHORS]
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        return {name: reader_of(fields[name]) for name in names}

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def read(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the columns of a line. Raises ValueError that names the wrong column."""
        row = {}
        for column, read in self.columns.items():
            try:
                row[column] = read(line.get(column))
            except ValueError as error:
                raise ValueError(f"{column} {error}") from None
        self.check(row)
        return row


EVENT: Final = RowType("event", Event)
BELIEF: Final = RowType("belief", Belief, check_belief)
EPISODE: Final = RowType("episode", Episode, check_episode)
ROW_TYPES: Final = (EVENT, BELIEF, EPISODE)
