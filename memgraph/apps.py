from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class MemgraphConfig(AppConfig):
    name = "memgraph"

    def ready(self) -> None:
        from memgraph import checks, openapi  # noqa: F401 - registers checks and OpenAPI extensions, once apps are loaded


class OperatorAdminConfig(AdminConfig):
    default_site = "memgraph.admin.OperatorSite"
