class EmbeddedDatabaseError(Exception):
    """One line for a person: what is wrong and what to do."""
