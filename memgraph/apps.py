from django.apps import AppConfig


class MemgraphConfig(AppConfig):
    name = "memgraph"

    def ready(self) -> None:
        from memgraph import checks, openapi  # noqa: F401 - registers checks and OpenAPI extensions, once apps are loaded
