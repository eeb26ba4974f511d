from django.urls import include, path, register_converter
from django.urls.converters import PathConverter

from memory import views
from memory.batch_views import BeliefBatchView, EventBatchView
from memory.deletion_views import DeletableTenantView
from memory.recall_views import ContextView, GraphContextView, IngestView
from memory.takeback_views import EraseView, UndoView
from memory.transfer.views import ExportView, ImportView


class NameConverter(PathConverter):
    """What users and keys may be called: anything, also with slashes and line breaks."""

    regex = "(?s:.+)"


register_converter(NameConverter, "name")
events, beliefs, episodes = views.EventViewSet, views.BeliefViewSet, views.EpisodeViewSet

of_beliefs = [
    path("batch", BeliefBatchView.as_view(), name="belief-batch"),
    path("history/<str:user_id>/<name:key>", views.BeliefHistoryView.as_view(), name="belief-history"),
    path("timeline/<name:user_id>", views.BeliefTimelineView.as_view(), name="belief-timeline"),
    path(
        "<str:id>",
        beliefs.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="belief",
    ),
]
of_admins = [
    path("export", ExportView.as_view(), name="export"),
    path("import", ImportView.as_view(), name="import"),
    path("erase", EraseView.as_view(), name="erase"),
]
# The busiest first: Django tries one after the other.
urlpatterns = [
    path("v1/events", events.as_view({"get": "list", "post": "create"}), name="events"),
    path("v1/context", ContextView.as_view(), name="context"),
    path("v2/context", GraphContextView.as_view(), name="graph-context"),
    path(
        "v1/beliefs",
        beliefs.as_view({"get": "list", "post": "create", "delete": "destroy_many"}),
        name="beliefs",
    ),
    path("v1/beliefs/", include(of_beliefs)),
    path("v1/events/batch", EventBatchView.as_view(), name="event-batch"),
    path("v1/events/<str:id>", events.as_view({"get": "retrieve"}), name="event"),
    path("v1/ingest", IngestView.as_view(), name="ingest"),
    path("v1/episodes", episodes.as_view({"get": "list", "post": "create"}), name="episodes"),
    path("v1/episodes/<str:id>", episodes.as_view({"get": "retrieve", "patch": "partial_update"}), name="episode"),
    path("v1/stats", views.StatsView.as_view(), name="stats"),
    path("v1/admin/", include(of_admins)),
    path("v1/api-keys/<str:id>/undo", UndoView.as_view(), name="api-key-undo"),
    path("v1/tenant", DeletableTenantView.as_view(), name="tenant"),
]
