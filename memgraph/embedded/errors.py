class EmbeddedDatabaseError(Exception):
    """A message of one line for the user: what is wrong and what to do."""
