"""Exports and imports of a tenant, over HTTP and as commands."""
