from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse_lazy

from accounts.forms import LimitedPasswordChangeForm
from memgraph.installation import installation_counts


class OperatorSite(admin.AdminSite):
    """Django's admin, with the main counts at the top of its index."""

    site_title = site_header = "Memgraph operators"
    index_title = "Installation"
    index_template = "admin/installation.html"
    site_url = None  # operators can't sign in to the Studio
    enable_nav_sidebar = False  # the tables are wide

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().index(request, {"counts": installation_counts(), **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's, with our form. Django has no setting for it."""
        request.current_app = self.name
        context = {**self.each_context(request), **(extra_context or {})}
        return cast("TemplateResponse", OperatorPasswordView.as_view(extra_context=context)(request))


class OperatorPasswordView(PasswordChangeView):
    form_class = LimitedPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}
