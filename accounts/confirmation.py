from django.contrib.auth.hashers import check_password
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.limits import Guess, audit_refusal
from accounts.passwords import own_user
from tenants.actor import Actor
from tenants.limits.slots import PASSWORD_HASHING
from tenants.principal import Principal


def confirm_password(*, principal: Principal, password: str, actor: Actor) -> None:
    """Checks the signed-in user's password again, before something that can't be undone. 422 `password_wrong`.

    A wrong password counts as a failed sign-in, so a stolen session doesn't get around the limits on guessing.
    """
    user = own_user(principal)
    with PASSWORD_HASHING.take(principal.tenant_id):
        guess = Guess.begin(email=user.email, user=user, actor=actor)
        right = check_password(password, user.password)
    if not right:
        audit_refusal(user, user.email, actor)
        raise ValidationError({"password": [ErrorDetail("This is not your password.", code="password_wrong")]})
    guess.take_back()
