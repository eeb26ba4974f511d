from django.urls import path

from tenants.audit_views import AuditViewSet

urlpatterns = [
    path("v1/admin/audit", AuditViewSet.as_view({"get": "list"}), name="audit"),
]
