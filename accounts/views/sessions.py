from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.models import Session, SessionQuerySet
from accounts.serializers import EndedSessionSerializer, SessionSerializer
from accounts.sessions import end_session
from tenants.actor import actor_of
from tenants.permissions import IsUserSession
from tenants.responses import Response
from tenants.views import TenantViewSet


class SessionViewSet(TenantViewSet):
    """The caller's sessions that are open: where the caller is signed in, and when each session was last seen."""

    access: ClassVar = {"GET": [IsUserSession], "DELETE": [IsUserSession]}
    serializer_class = SessionSerializer
    ordering = ("-id",)

    def get_queryset(self) -> SessionQuerySet:
        mine = Session.objects.for_tenant(self.principal.tenant_id).filter(user_id=self.principal.id)
        return mine.alive()

    def get_object(self) -> Session:
        return self.get_queryset().with_id(self.kwargs["id"])

    def list(self, request: Request) -> Response:
        sessions = self.paginate_queryset(self.get_queryset())
        context = {"session_id": self.principal.session_id}
        return self.page_of(SessionSerializer(sessions, many=True, context=context).data)

    @extend_schema(responses=EndedSessionSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Ends one of the caller's sessions. Once the response is sent, its token is refused."""
        return Response(EndedSessionSerializer(end_session(session=self.get_object(), actor=actor_of(request))).data)
