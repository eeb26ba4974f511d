from django.db import models

from memory.records import NAME_LENGTH
from tenants.models import Tenant, TenantQuerySet


class EndUserQuerySet(TenantQuerySet["EndUser"]):
    pass


class EndUser(models.Model):
    """An end user with at least one row: an event, an episode, or any version of a belief.

    `transactions/changes.py` adds and removes them.
    """

    pk = models.CompositePrimaryKey("tenant_id", "name")
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    name = models.CharField(max_length=NAME_LENGTH)

    objects = EndUserQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.tenant_id)


class TallyQuerySet(TenantQuerySet["Tally"]):
    pass


class Tally(models.Model):
    """Part of the counts of one day. Only the sum over all slots means anything.

    `transactions/changes.py` writes them.
    """

    pk = models.CompositePrimaryKey("tenant_id", "day", "slot")
    tenant = models.ForeignKey(Tenant, on_delete=models.DO_NOTHING, related_name="+", db_index=False)
    day = models.DateField()
    slot = models.SmallIntegerField()
    events = models.BigIntegerField()
    beliefs = models.BigIntegerField()
    episodes = models.BigIntegerField()
    users = models.BigIntegerField()

    objects = TallyQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.day} {self.slot}"
