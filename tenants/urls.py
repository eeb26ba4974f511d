from django.urls import path

from tenants import views
from tenants.audit.views import AuditViewSet

# `memory` has the route v1/tenant, because its DELETE needs all apps.
urlpatterns = [
    path("v1/tenant/freeze-keys", views.FreezeKeysView.as_view(), name="freeze-keys"),
    path("v1/tenant/unfreeze-keys", views.UnfreezeKeysView.as_view(), name="unfreeze-keys"),
    path("v1/admin/audit", AuditViewSet.as_view({"get": "list"}), name="audit"),
]
