from rest_framework.exceptions import ErrorDetail, ValidationError

from accounts.models import User
from accounts.services import note_refusal, password_is_right
from tenants.actor import Actor
from tenants.principal import Principal


def confirm_password(*, principal: Principal, password: str, actor: Actor) -> None:
    """Asks a signed-in person once more, before what can't be taken back. A wrong password is a failed sign-in: whoever
    holds a stolen session must not guess on here.
    """
    user = User.objects.get(id=principal.user_id)
    if not password_is_right(user, password):
        note_refusal(user, user.email, actor)
        raise ValidationError({"password": [ErrorDetail("This is not your password.", code="password_wrong")]})
