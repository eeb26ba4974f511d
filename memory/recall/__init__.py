"""Recall: search over beliefs, and ingest of text.

A search goes from `views.py` to `services.py` (slot and transaction), `search.py`, and `ranking.py` (the SQL).
"""
