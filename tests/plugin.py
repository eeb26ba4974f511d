"""One embedded PostgreSQL for the whole test run, started before the settings are read (`-p tests.plugin`).

The workers of pytest-xdist inherit the environment that the controller sets here, and use its server.
"""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from memgraph.embedded import EmbeddedPostgres, database_for_command

FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}
ENVIRONMENT = {
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "MEMGRAPH_ENV": "production",
    "AUTHORITY_LEASE": "off",  # else every revocation takes 60 ms; the servers that tests start have it on
    "PYTHONHASHSEED": "0",  # the workers have to name parametrised tests alike, sets among the parameters too
}
FOREIGN = (
    "ACCESS_TOKEN_LIFETIME",
    "ALLOWED_HOSTS",
    "AUTHORITY_LEASE",
    "DATABASE_URL",
    "EMAIL_URL",
    "HOST",
    "JWT_SIGNING_KEYS",
    "PORT",
    "PUBLIC_URL",
    "PYTHONDONTWRITEBYTECODE",
    "SIGNUP",
    "TENANT_RATE_LIMIT",
    "TRUSTED_PROXIES",
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None]:
    """A wrapper, because pytest-django reads the settings in the same hook."""
    if "PYTEST_XDIST_WORKER" not in os.environ and not {"-h", "--help", "-V", "--version"} & set(args):
        database = ExitStack()
        early_config.add_cleanup(database.close)  # after Ctrl-C and mistakes in the arguments too
        start(database)
    return (yield)


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay to the end. Each full collection would look at them: 150 ms."""
    gc.collect()
    gc.freeze()


def start(database: ExitStack) -> None:
    data_dir = Path(tempfile.mkdtemp(prefix="memgraph-tests-"))
    database.callback(shutil.rmtree, data_dir, ignore_errors=True)
    if os.geteuid() == 0:
        data_dir.chmod(0o711)  # else PostgreSQL's account, which is not root's, needs a place elsewhere
    sys.dont_write_bytecode = False  # else every worker, server and command compiles all code anew: a second each
    for name in FOREIGN:  # a developer's own settings
        os.environ.pop(name, None)
    os.environ.update(ENVIRONMENT, MEMGRAPH_DATA_DIR=str(data_dir))
    server = database.enter_context(database_for_command(EmbeddedPostgres(data_dir, options=FAST_AND_FORGETFUL)))
    with psycopg.connect(host=str(server.places.sockets), port=5432, user="postgres", autocommit=True) as superuser:
        superuser.execute("ALTER ROLE memgraph CREATEDB")
