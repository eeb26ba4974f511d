"""The export's lines: which columns each kind of row has, and how a column of an untrusted line is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import models

from memory.content import LARGEST_CONTENT, content_size
from memory.models import EVENT_TYPE_LENGTH, NAME_LENGTH, Belief, Episode, Event
from memory.serializers import EVENT_IDS, TAGS, VALUE_LENGTH
from tenants.ids import parse_id

FORMAT: Final = "memgraph-export"
VERSION: Final = 1

Read = Callable[[Any], Any]


def text(value: Any, *, longest: int = NAME_LENGTH) -> str:
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
    """As JSON text, which is what COPY takes."""
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    if content_size(value) > LARGEST_CONTENT:
        raise ValueError(f"must have at most {LARGEST_CONTENT:,} bytes")
    return orjson.dumps(value).decode()


def one_of(value: Any, *, choices: type[models.TextChoices]) -> str:
    if value not in choices.values:
        raise ValueError(f"must be one of {', '.join(choices.values)}")
    return str(value)


def summary_kind(value: Any) -> str:
    """Older files have none: nothing was made here then."""
    return one_of(Episode.SummaryKind.GIVEN if value is None else value, choices=Episode.SummaryKind)


def truth(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise ValueError("must be true or false")
    return bool(value)


def optional(value: Any, *, read: Read = text) -> Any:
    return None if value is None else read(value)


def list_of(value: Any, *, read: Read, longest: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > longest:
        raise ValueError(f"must be a list of at most {longest:,}")
    return [read(item) for item in value]


def long_text(value: Any) -> str:
    return text(value, longest=VALUE_LENGTH)


def check_belief(row: Mapping[str, Any]) -> None:
    if (row["status"] == Belief.Status.ACTIVE) != (row["ended_at"] is None):
        raise ValueError("ended_at is there exactly when the status is not active")


def check_episode(row: Mapping[str, Any]) -> None:
    if row["ended_at"] is not None and row["ended_at"] < row["started_at"]:
        raise ValueError("ended_at is before started_at")
    if row["derived"] and (row["ended_at"] is None or not row["event_ids"]):
        raise ValueError("a derived episode has an end and events")


def nothing_more(row: Mapping[str, Any]) -> None:
    pass


@dataclass(frozen=True)
class RowType:
    name: str
    model: type[models.Model]
    columns: Mapping[str, Read]
    check: Callable[[Mapping[str, Any]], None] = nothing_more

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    def read(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a line, or a ValueError that names the column at fault."""
        row = {}
        for column, read in self.columns.items():
            try:
                row[column] = read(line.get(column))
            except ValueError as error:
                raise ValueError(f"{column} {error}") from None
        self.check(row)
        return row


EVENT: Final = RowType(
    "event",
    Event,
    {
        "id": row_id,
        "event_type": partial(text, longest=EVENT_TYPE_LENGTH),
        "content": json_object,
        "user_id": text,
        "agent_id": optional,
        "thread_id": optional,
        "occurred_at": moment,
        "created_at": moment,
    },
)
BELIEF: Final = RowType(
    "belief",
    Belief,
    {
        "id": row_id,
        "subject_id": text,
        "key": text,
        "value": long_text,
        "confidence": share,
        "belief_type": partial(one_of, choices=Belief.Type),
        "domain": optional,
        "status": partial(one_of, choices=Belief.Status),
        "created_at": moment,
        "updated_at": moment,
        "ended_at": partial(optional, read=moment),
    },
    check_belief,
)
EPISODE: Final = RowType(
    "episode",
    Episode,
    {
        "id": row_id,
        "user_id": text,
        "agent_id": optional,
        "thread_id": optional,
        "summary": long_text,
        "summary_kind": summary_kind,
        "derived": truth,
        "tags": partial(list_of, read=partial(text, longest=64), longest=TAGS),
        "outcome": partial(optional, read=partial(one_of, choices=Episode.Outcome)),
        "consolidation_status": partial(one_of, choices=Episode.Consolidation),
        "started_at": moment,
        "ended_at": partial(optional, read=moment),
        "event_ids": partial(list_of, read=row_id, longest=EVENT_IDS),
        "created_at": moment,
    },
    check_episode,
)
ROW_TYPES: Final = (EVENT, BELIEF, EPISODE)
