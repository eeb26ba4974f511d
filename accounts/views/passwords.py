from typing import ClassVar, Final

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.passwords import change_password, request_reset, reset_password
from accounts.serializers import (
    ChangePasswordSerializer,
    PasswordChangedSerializer,
    RequestResetSerializer,
    ResetPasswordSerializer,
    ResetRequestedSerializer,
)
from tenants.actor import actor_of
from tenants.permissions import IsUserSession
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import PublicView, TenantAPIView

MAILED: Final = "If this e-mail address has an account, we have sent it a link. The link is valid for one hour."
NO_MAIL: Final = "This server doesn't send e-mail. Ask an admin of your workspace, or the operator, for a reset link."


class PasswordView(TenantAPIView):
    access: ClassVar = {"POST": [IsUserSession]}

    @extend_schema(request=ChangePasswordSerializer, responses=PasswordChangedSerializer)
    def post(self, request: Request) -> Response:
        """Changes the caller's password and ends their other sessions.

        422 `password_wrong` for the field `current_password` if it is wrong. This counts as a failed sign-in.
        """
        sent = checked(ChangePasswordSerializer, request.data)
        ended = change_password(principal=self.principal, actor=actor_of(request), **sent)
        return Response(PasswordChangedSerializer({"status": "password_changed", "sessions_ended": ended}).data)


class PasswordResetView(PublicView):
    """Sends a link to set a new password, if the e-mail address has an account. The response is always the same."""

    @extend_schema(request=RequestResetSerializer, responses=ResetRequestedSerializer)
    def post(self, request: Request) -> Response:
        sent = checked(RequestResetSerializer, request.data)
        request_reset(actor=actor_of(request), **sent)
        detail = MAILED if settings.EMAIL_CONFIGURED else NO_MAIL
        return Response(ResetRequestedSerializer({"status": "accepted", "detail": detail}).data)


class PasswordResetConfirmView(PublicView):
    """Sets a new password with the token of a reset link, which works once. Ends all the person's sessions."""

    @extend_schema(request=ResetPasswordSerializer, responses=PasswordChangedSerializer)
    def post(self, request: Request) -> Response:
        sent = checked(ResetPasswordSerializer, request.data)
        ended = reset_password(actor=actor_of(request), **sent)
        return Response(PasswordChangedSerializer({"status": "password_changed", "sessions_ended": ended}).data)
