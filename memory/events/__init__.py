"""Events: things that happened, append-only.

From a request to the database: `views.py`, `services.py`, `writing.py` (the SQL).
"""
