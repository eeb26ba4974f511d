"""The making of operators."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts.models import User, normalize_address
from accounts.services import email_taken
from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, record
from tenants.constraints import violated_constraint


def make_operator(*, email: str, password: str, actor: Actor) -> User:
    """409 `email_taken` for an address that has an account."""
    operator = User(email=normalize_address(email), password=make_password(password), is_staff=True, is_superuser=True)
    try:
        with transaction.atomic():
            operator.save(force_insert=True)
            target, after = Target(operator.id, operator.email), {"operator": True}
            record(Action.USER_CREATED, actor=actor, tenant_id=None, target=target, after=after)
    except IntegrityError as error:
        if violated_constraint(error) != "user_email_unique":
            raise
        raise email_taken("Choose another one.") from None
    return operator
