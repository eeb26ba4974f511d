"""What a form showed goes along with it: so it changes what was typed over, and nobody's change meanwhile is lost."""

import json
from typing import Any

from studio.forms import Form
from tenants.problems import Conflict


def shown(current: dict[str, Any]) -> dict[str, Any]:
    """What a form starts with."""
    return {name: as_typed(value) for name, value in current.items()} | {"seen": json.dumps(current)}


def as_typed(value: Any) -> Any:
    if isinstance(value, list):
        return "\n".join(value)
    return "" if value is None else value


def changes_of(form: Form, fields: dict[str, Any], current: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    """What was typed over. Where somebody else has typed over the same meanwhile: 409, which says what.

    The form is then shown with all else as it is now, and has its way when it is sent again.
    """
    seen = read_seen(form.values.get("seen"))
    changes = {name: value for name, value in fields.items() if name not in seen or value != seen[name]}
    clashes = [name for name in changes if current[name] != changes[name] and current[name] != seen.get(name, ...)]
    if not clashes:
        return changes
    for name, value in shown(current).items():
        if name not in changes:
            form.values[name] = value
    said = " ".join(f"{labels[name]} is {in_words(current[name])} now." for name in clashes)
    raise Conflict(f"It was changed meanwhile. {said} Save again to have it as you typed it.", code="changed")


def read_seen(text: Any) -> dict[str, Any]:
    """What is no JSON of ours was seen by nobody."""
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
