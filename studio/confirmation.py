"""Actions that can't be undone are confirmed by typing the name of the object."""

from typing import Any

from rest_framework import serializers


class ConfirmNameSerializer(serializers.Serializer[Any]):
    confirm = serializers.CharField(max_length=255)


def confirm_name(typed: str, name: str, *, what: str = "name") -> None:
    if typed != name.strip():
        fault = serializers.ErrorDetail(f"This is not the {what}.", code="not_the_name")
        raise serializers.ValidationError({"confirm": [fault]})
