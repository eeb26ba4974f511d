from django.contrib.auth.hashers import check_password
from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.limits import Guess, note_refusal
from accounts.passwords import own_user
from tenants.actor import Actor
from tenants.principal import Principal
from tenants.slots import PASSWORD_HASHING


def confirm_password(*, principal: Principal, password: str, actor: Actor) -> None:
    """Asks a signed-in person once more, before what can't be taken back. A wrong password is a failed sign-in, and
    limited like one: whoever holds a stolen session must not guess on here.
    """
    user = own_user(principal)
    with PASSWORD_HASHING.take(principal.tenant_id):
        guess = Guess.begin(email=user.email, user=user, actor=actor)
        right = check_password(password, user.password)
    if not right:
        note_refusal(user, user.email, actor)
        raise ValidationError({"password": [ErrorDetail("This is not your password.", code="password_wrong")]})
    guess.take_back()
