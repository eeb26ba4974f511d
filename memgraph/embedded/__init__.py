"""A PostgreSQL of our own, for those who have none: the binaries of a wheel under a launcher that runs anywhere."""

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
