from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request

from accounts.members import change_member
from accounts.passwords import own_user
from accounts.serializers import (
    ChangeProfileSerializer,
    LoggedOutSerializer,
    LoginSerializer,
    LogoutSerializer,
    OnboardedSerializer,
    OnboardSerializer,
    ProfileSerializer,
    TokenSerializer,
    WhoamiSerializer,
    whoami,
)
from accounts.services import onboard, sign_in, sign_out
from accounts.tokens import SessionToken
from tenants.actor import actor_of
from tenants.parsers import FormParser
from tenants.permissions import IsTenantViewer, IsUserSession
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import PublicView, TenantAPIView


class OnboardView(PublicView):
    """Creates an account, its tenant and its first API key."""

    @extend_schema(request=OnboardSerializer, responses={201: OnboardedSerializer})
    def post(self, request: Request) -> Response:
        wanted = checked(OnboardSerializer, request.data)
        onboarded = onboard(**wanted, actor=actor_of(request))
        return Response(OnboardedSerializer(onboarded).data, status=status.HTTP_201_CREATED)


class LoginView(PublicView):
    """Signs a person in and returns a JWT."""

    parser_classes = (FormParser, *PublicView.parser_classes)

    @extend_schema(request=LoginSerializer, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        sent = checked(LoginSerializer, request.data)
        signed_in = sign_in(**sent, actor=actor_of(request))
        lifetime = int(SessionToken.lifetime.total_seconds())
        token = {"access_token": signed_in.access_token, "token_type": "bearer", "expires_in": lifetime}
        return Response(TokenSerializer(token).data)


class LogoutView(TenantAPIView):
    """Ends this session, the caller's other sessions, or all of them."""

    access: ClassVar = {"POST": [IsUserSession]}

    @extend_schema(request=LogoutSerializer, responses=LoggedOutSerializer)
    def post(self, request: Request) -> Response:
        sent = checked(LogoutSerializer, request.data)
        ended = sign_out(principal=self.principal, actor=actor_of(request), **sent)
        return Response(LoggedOutSerializer({"status": "signed_out", "sessions_ended": ended}).data)


class MeView(TenantAPIView):
    """The signed-in person's profile."""

    access: ClassVar = {"GET": [IsUserSession], "PATCH": [IsUserSession]}

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> Response:
        return Response(ProfileSerializer(own_user(self.principal)).data)

    @extend_schema(request=ChangeProfileSerializer, responses=ProfileSerializer)
    def patch(self, request: Request) -> Response:
        """Changes the caller's name. The e-mail address can't be changed, and only an admin can change the role."""
        wanted = checked(ChangeProfileSerializer, request.data)
        user, actor = own_user(self.principal), actor_of(request)
        changed = change_member(user=user, changes=wanted, actor=actor)
        return Response(ProfileSerializer(changed).data)


class WhoamiView(TenantAPIView):
    """The caller's kind of credential, tenant and role."""

    access: ClassVar = {"GET": [IsTenantViewer]}

    @extend_schema(responses=WhoamiSerializer)
    def get(self, request: Request) -> Response:
        return Response(whoami(self.principal))
