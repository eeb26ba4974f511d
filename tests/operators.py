"""An operator at the Django admin, as plain functions."""

from typing import Any

from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import User

ADDRESS = "ops@example.com"


def make_operator(email: str = ADDRESS, password: str | None = None, **fields: Any) -> User:
    return User.objects.create_superuser(email, password, **fields)


def operator_client(operator: User | None = None) -> Client:
    client = Client()
    client.force_login(operator or make_operator())
    return client


def list_url(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")


def page_url(thing: Model) -> str:
    return reverse(f"admin:{thing._meta.label_lower.replace('.', '_')}_change", args=[thing.pk])


def shown(client: Client, model: type[Model], **query: str) -> list[Any]:
    """The rows that the list shows."""
    response = client.get(list_url(model), query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def act(client: Client, action: str, *things: Model, confirmed: bool = True) -> HttpResponse:
    form: dict[str, Any] = {"action": action, "_selected_action": [str(thing.pk) for thing in things]}
    if confirmed:
        form["confirmed"] = "Yes"
    return client.post(list_url(type(things[0])), form, follow=True)


def messages_of(response: HttpResponse) -> list[str]:
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]
