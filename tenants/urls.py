from django.urls import path

from tenants import views

urlpatterns = [
    path("v1/tenant", views.TenantView.as_view(), name="tenant"),
    path("v1/tenant/freeze-keys", views.FreezeKeysView.as_view(), name="freeze-keys"),
    path("v1/tenant/unfreeze-keys", views.UnfreezeKeysView.as_view(), name="unfreeze-keys"),
]
