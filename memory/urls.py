from django.urls import include, path, register_converter
from django.urls.converters import PathConverter

from memory.beliefs.views import BeliefBatchView, BeliefHistoryView, BeliefTimelineView, BeliefViewSet
from memory.counts.views import StatsView
from memory.episodes.views import EpisodeViewSet
from memory.events.views import EventBatchView, EventViewSet
from memory.recall.views import ContextView, GraphContextView, IngestView
from memory.removal.views import DeletableTenantView, EraseView, UndoView
from memory.transfer.views import ExportView, ImportView


class NameConverter(PathConverter):
    """The name of a user or a key: any text, including slashes and line breaks."""

    regex = "(?s:.+)"


register_converter(NameConverter, "name")
events, beliefs, episodes = EventViewSet, BeliefViewSet, EpisodeViewSet

of_beliefs = [
    path("batch", BeliefBatchView.as_view(), name="belief-batch"),
    path("history/<str:user_id>/<name:key>", BeliefHistoryView.as_view(), name="belief-history"),
    path("timeline/<name:user_id>", BeliefTimelineView.as_view(), name="belief-timeline"),
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
# The busiest routes come first, because Django tries one after another.
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
    path("v1/stats", StatsView.as_view(), name="stats"),
    path("v1/admin/", include(of_admins)),
    path("v1/api-keys/<str:id>/undo", UndoView.as_view(), name="api-key-undo"),
    path("v1/tenant", DeletableTenantView.as_view(), name="tenant"),
]
