"""Prevents lost updates. A form sends back the values that it showed, so that only edited fields are changed."""

import json
from typing import Any

from studio.forms import Form
from tenants.problems import Conflict


def shown(current: dict[str, Any]) -> dict[str, Any]:
    """The initial values of a form. `seen` holds them as JSON."""
    return {name: as_typed(value) for name, value in current.items()} | {"seen": json.dumps(current)}


def as_typed(value: Any) -> Any:
    if isinstance(value, list):
        return "\n".join(value)
    return "" if value is None else value


def changes_of(form: Form, fields: dict[str, Any], current: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """Returns the fields that the user edited. 409 if someone else has changed one of them since the form was shown.

    The form then shows the current values of all other fields. Sent again, it overwrites the other change.
    """
    seen = read_seen(form.values.get("seen"))
    changes = {name: value for name, value in fields.items() if name not in seen or value != seen[name]}
    clashes = [name for name in changes if current[name] != changes[name] and current[name] != seen.get(name, ...)]
    if not clashes:
        return changes
    for name, value in shown(current).items():
        if name not in changes:
            form.values[name] = value
    said = " ".join(f"{labels[name]} is now {in_words(current[name])}." for name in clashes)
    raise Conflict(f"Someone else has changed this. {said} Save again to keep what you typed.", code="changed")


def read_seen(text: Any) -> dict[str, Any]:
    """Missing or invalid JSON means that every field counts as changed."""
    try:
        seen = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return seen if isinstance(seen, dict) else {}


def in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        value = ", ".join(value)
    return f"“{value}”" if value not in (None, "") else "empty"
