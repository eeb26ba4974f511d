from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core.checks import register


class MemgraphConfig(AppConfig):
    name = "memgraph"

    def ready(self) -> None:
        from memgraph import openapi  # noqa: F401 - registers OpenAPI extensions, once the apps are loaded
        from memgraph.checks import CHECKS_OF_SETTINGS

        for check in CHECKS_OF_SETTINGS:
            register(check)


class OperatorAdminConfig(AdminConfig):
    default_site = "memgraph.admin.OperatorSite"
