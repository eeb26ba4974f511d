from django.urls import path

from apikeys.views import APIKeyViewSet

urlpatterns = [
    path("v1/api-keys", APIKeyViewSet.as_view({"get": "list", "post": "create"}), name="api-keys"),
    path("v1/api-keys/<str:id>", APIKeyViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="api-key"),
]
