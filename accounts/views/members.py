from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request

from accounts.members import change_member, remove_member
from accounts.models import User, UserQuerySet
from accounts.passwords import make_reset_link
from accounts.serializers import (
    ChangeMemberSerializer,
    MemberSerializer,
    RemovedMemberSerializer,
    ResetLinkSerializer,
)
from tenants.actor import actor_of
from tenants.permissions import IsTenantAdmin, IsUserSession
from tenants.responses import Response
from tenants.serializers import checked
from tenants.views import TenantViewSet

ADMIN = [IsUserSession, IsTenantAdmin]


class MemberViewSet(TenantViewSet):
    """The tenant's members. The last active admin can't be demoted, deactivated or removed: 409 `last_admin`."""

    access: ClassVar = {"GET": ADMIN, "PATCH": ADMIN, "POST": ADMIN, "DELETE": ADMIN}
    serializer_class = MemberSerializer
    ordering = ("-id",)

    def get_queryset(self) -> UserQuerySet:
        people: UserQuerySet = User.objects.for_tenant(self.principal.tenant_id)
        return people

    def get_object(self) -> User:
        return self.get_queryset().with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        people = self.paginate_queryset(self.get_queryset())
        return self.page_of(MemberSerializer(people, many=True).data)

    def retrieve(self, request: Request, id: str) -> Response:
        return Response(MemberSerializer(self.get_object()).data)

    @extend_schema(request=ChangeMemberSerializer)
    def partial_update(self, request: Request, id: str) -> Response:
        """Changes a person's role, or deactivates or reactivates them. It takes effect with their next request."""
        user = self.get_object()
        wanted = checked(ChangeMemberSerializer, request.data)
        changed = change_member(user=user, changes=wanted, actor=actor_of(request))
        return Response(MemberSerializer(changed).data)

    @extend_schema(responses=RemovedMemberSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Removes a person and ends their sessions. Keys that they created keep working."""
        user = self.get_object()
        removed = {"id": user.id, "status": "removed"}
        remove_member(user=user, actor=actor_of(request))
        return Response(RemovedMemberSerializer(removed).data)

    @extend_schema(request=None, responses={201: ResetLinkSerializer})
    def make_reset_link(self, request: Request, id: str) -> Response:
        """Creates a link to set a person's password. It works once, within an hour. Only this response shows it."""
        made = make_reset_link(user=self.get_object(), actor=actor_of(request))
        return Response(ResetLinkSerializer(made).data, status=status.HTTP_201_CREATED)
