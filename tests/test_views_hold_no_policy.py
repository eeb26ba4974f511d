"""A limit, a slot, a retry and an audit row belong to the service that they protect: views, pages and forms call it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

APPS: Final = ("accounts", "apikeys", "memgraph", "memory", "studio", "tenants")
MODULES: Final = (
    "accounts.limits",
    "memory.transfer.lock",
    "tenants.audit.log",
    "tenants.limits.limit",
    "tenants.limits.slots",
)
# Also where another module passes them on.
NAMES: Final = ("Limit", "Slots", "acting", "again_after_deadlock", "enforce", "record")


def is_view(path: Path) -> bool:
    return (
        path.parent.name in ("admin", "views")
        or path.stem in ("admin", "forms", "views")
        or path.stem.endswith(("_forms", "_views"))
    )


VIEWS: Final = sorted(
    str(path.relative_to(settings.BASE_DIR))
    for app in APPS
    for path in (settings.BASE_DIR / app).rglob("*.py")
    if is_view(path)
)


def policy_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if node.module in MODULES or name in MODULES or alias.name in NAMES:
                    yield name


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_imports_no_policy(path: str) -> None:
    assert list(policy_in((settings.BASE_DIR / path).read_text())) == []


def test_the_views_are_found() -> None:
    known = {
        "accounts/admin.py",
        "accounts/forms.py",
        "accounts/views/passwords.py",
        "apikeys/views.py",
        "memory/events/views.py",
        "memory/transfer/views.py",
        "studio/forms.py",
        "studio/views/beliefs.py",
        "tenants/admin/tenant.py",
        "tenants/audit/views.py",
    }
    assert known <= {*VIEWS}


@pytest.mark.parametrize(
    "source",
    [
        "import tenants.limits.slots",
        "from tenants.limits import slots",
        "from tenants.limits.limit import enforce",
        "from accounts.passwords import enforce as limit",
        "def view():\n    from memory.transactions import again_after_deadlock",
    ],
)
def test_an_import_of_policy_is_seen(source: str) -> None:
    assert list(policy_in(source))
