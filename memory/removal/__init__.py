"""Removal: erasing an end user, deleting a tenant, retention of events, and undoing the writes of a leaked key.

`rows.py` removes rows with their references and counts.
"""
