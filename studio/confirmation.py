"""Actions that can't be undone are confirmed by typing the name of the object."""

from typing import Any

from rest_framework import serializers

from tenants.serializers import confirm_name


class ConfirmSerializer(serializers.Serializer[Any]):
    """The form's context holds the `name`, and says in `what` whose name it is."""

    confirm = serializers.CharField(allow_blank=True, trim_whitespace=False)

    def validate_confirm(self, value: str) -> str:
        """Ignores white space, because browsers show and send it differently from how it is stored."""
        confirm_name(without_spaces(value), without_spaces(self.context["name"]), what=self.context["what"])
        return value


class ConfirmEmailSerializer(ConfirmSerializer):
    """For e-mail addresses, which are stored in lower case."""

    def validate_confirm(self, value: str) -> str:
        return super().validate_confirm(value.lower())


def without_spaces(text: str) -> str:
    return "".join(text.split())
