"""An embedded PostgreSQL, for installations without a database server: binaries from a wheel, and our launcher."""

from memgraph.embedded.errors import EmbeddedDatabaseError
from memgraph.embedded.places import socket_directory
from memgraph.embedded.server import EmbeddedPostgres
from memgraph.embedded.sharing import database_for_command, database_for_server, only_server

__all__ = [
    "EmbeddedDatabaseError",
    "EmbeddedPostgres",
    "database_for_command",
    "database_for_server",
    "only_server",
    "socket_directory",
]
