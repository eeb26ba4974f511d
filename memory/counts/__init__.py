"""Exact counts of a tenant's rows: reading them, and proving them by counting all rows.

`memory/transactions/changes.py` writes them.
"""
