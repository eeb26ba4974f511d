"""The Django admin of tenants and the audit log. Django imports this package, which registers both.

`base.py` and `filters.py` are shared with the admins of other apps.
"""

from tenants.admin import audit, tenant

__all__ = ["audit", "tenant"]
