from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from memgraph.installation import installation_counts


class OperatorSite(admin.AdminSite):
    """Django's admin, with what an operator looks for at the head of its index."""

    site_title = site_header = "Memgraph operators"
    index_title = "Installation"
    index_template = "admin/installation.html"
    site_url = None  # operators can't sign in to the Studio
    enable_nav_sidebar = False  # the tables are wide

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"counts": installation_counts(), **(extra_context or {})})
