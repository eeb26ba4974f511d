from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from memgraph import views

handler400 = "memgraph.errors.bad_request"
handler403 = "memgraph.errors.permission_denied"
handler404 = "memgraph.errors.not_found"
handler500 = "memgraph.errors.server_error"

urlpatterns = [
    path("", include("memory.urls")),
    path("", include("accounts.urls")),
    path("", include("apikeys.urls")),
    path("", include("tenants.urls")),
    path("health", views.HealthView.as_view(), name="health"),
    path("v1/health", views.HealthView.as_view(schema=None), name="health-v1"),
    path("live", views.LiveView.as_view(), name="live"),
    path("metrics", views.metrics, name="metrics"),
    path("v1/schema", views.SchemaView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("studio", RedirectView.as_view(url="/studio/", http_method_names=["get", "head"]), name="to-studio"),
    path("studio/", include("studio.urls")),
    path("admin", RedirectView.as_view(url="/admin/", http_method_names=["get", "head"]), name="to-admin"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(url="/studio/", http_method_names=["get", "head"]), name="root"),
]
