"""Creates operators and signs them in to the admin."""

from collections.abc import Callable
from dataclasses import replace

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.limits import Guess, audit_refusal
from accounts.models import User, normalize_address
from accounts.services import email_taken
from tenants.actor import Actor, ActorKind
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.constraints import violated_constraint
from tenants.limits.slots import PASSWORD_HASHING
from tenants.metrics import SIGN_INS
from tenants.network import network_of


def make_operator(*, email: str, password: str, actor: Actor) -> User:
    """409 `email_taken` if the e-mail address has an account."""
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


def sign_in_operator(*, email: str, check: Callable[[], User], actor: Actor) -> None:
    """Limits and audits like the API's sign-in. `check` returns the operator or raises ValidationError."""
    email = normalize_address(email)
    user = User.objects.filter(email=email).first()
    try:
        with PASSWORD_HASHING.take(network_of(actor.address)):
            guess = Guess.begin(email=email, user=user, actor=actor)
            operator = check()
    except ValidationError:
        audit_refusal(user, email, actor)
        raise
    guess.take_back()
    SIGN_INS.labels("accepted").inc()
    actor = replace(actor, kind=ActorKind.OPERATOR, id=operator.id, label=operator.email, operator_session=None)
    with transaction.atomic():
        record(Action.SIGN_IN_ACCEPTED, actor=actor, tenant_id=None, target=Target(operator.id, operator.email))
