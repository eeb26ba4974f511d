from django.urls import path

from apikeys.views import APIKeyViewSet, KeyHealthView, ReportLeakView

urlpatterns = [
    path("v1/api-keys", APIKeyViewSet.as_view({"get": "list", "post": "create"}), name="api-keys"),
    path("v1/api-keys/health", KeyHealthView.as_view(), name="key-health"),
    path("v1/api-keys/report-leak", ReportLeakView.as_view(), name="report-leak"),
    path(
        "v1/api-keys/<str:id>",
        APIKeyViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api-key",
    ),
    path("v1/api-keys/<str:id>/rotate", APIKeyViewSet.as_view({"post": "rotate"}), name="rotate-key"),
]
