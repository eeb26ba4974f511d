from typing import ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request

from accounts.invitations import accept_invitation, invite, revoke_invitation
from accounts.models import Invitation, InvitationQuerySet
from accounts.serializers import (
    AcceptedSerializer,
    AcceptInvitationSerializer,
    InvitationSerializer,
    InvitedSerializer,
    InviteSerializer,
)
from tenants.actor import actor_of
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import PublicView, TenantViewSet

ADMIN = [IsUserSession, IsTenantAdmin]


class InvitationViewSet(TenantViewSet):
    """Invitations to the tenant, each with a role. The link is shown once, when the invitation is created."""

    access: ClassVar = {"GET": ADMIN, "POST": ADMIN, "DELETE": ADMIN}
    serializer_class = InvitationSerializer
    ordering = ("-id",)

    def get_queryset(self) -> InvitationQuerySet:
        return Invitation.objects.for_tenant(self.principal.tenant_id)

    def get_object(self) -> Invitation:
        return self.get_queryset().with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        invitations = self.paginate_queryset(self.get_queryset())
        return self.page_of(InvitationSerializer(invitations, many=True).data)

    @extend_schema(request=InviteSerializer, responses={201: InvitedSerializer})
    def create(self, request: Request) -> Response:
        """Invites a person. The link creates one account, within 72 hours.

        Replaces an open invitation to the same e-mail address.
        """
        wanted = checked(InviteSerializer, request.data)
        invited = invite(tenant_id=self.principal.tenant_id, actor=actor_of(request), **wanted)
        shown = {"link": invited.link, "mailed": settings.EMAIL_CONFIGURED}
        return Response({**InvitationSerializer(invited.invitation).data, **shown}, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, id: str) -> Response:
        """Revokes an invitation. Once the response is sent, its link is refused."""
        revoked = revoke_invitation(invitation=self.get_object(), actor=actor_of(request))
        return Response(InvitationSerializer(revoked).data)


class AcceptInvitationView(PublicView):
    """Creates an account with the token of an invitation, which works once."""

    @extend_schema(request=AcceptInvitationSerializer, responses={201: AcceptedSerializer})
    def post(self, request: Request) -> Response:
        sent = checked(AcceptInvitationSerializer, request.data)
        user = accept_invitation(actor=actor_of(request), **sent)
        return Response(AcceptedSerializer(user).data, status=status.HTTP_201_CREATED)
