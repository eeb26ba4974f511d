"""Rows as the API answers them, without serializers, and lists without models: they would take most of the time.

The renderer writes ids and times as a serializer would; `tests/memory/test_rows.py` compares.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast
from rest_framework.serializers import ModelSerializer


def shown(rows: QuerySet[Any], serializer: type[ModelSerializer[Any]]) -> QuerySet[Any, dict[str, Any]]:
    """The same query, of dictionaries instead of models. They can be answered once `as_json` has seen them."""
    names = set(serializer.Meta.fields)
    texts = {"content_text": Cast("content", TextField())} if "content" in names else {}
    return rows.values(*sorted(names - {"content", "event_count"}), **texts)


def shown_row(row: Model, serializer: type[ModelSerializer[Any]]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in serializer.Meta.fields}


def as_json(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = list(rows)
    for row in rows:
        if "content_text" in row:
            row["content"] = orjson.loads(row.pop("content_text"))
        if "event_ids" in row:
            row["event_count"] = len(row["event_ids"])
    return rows
