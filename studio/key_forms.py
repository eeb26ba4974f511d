"""Where the key forms differ from the API: IP addresses come as lines, and a checkbox confirms the last step."""

import re
from typing import Any, Final, cast

from rest_framework import serializers

from apikeys.ip_allowlist import network_around
from apikeys.serializers import APIKeyChangesSerializer, CreateAPIKeySerializer, NetworksField
from memory.removal.views import UndoSerializer

BETWEEN: Final = re.compile(r"[,;\s]+")
LONGEST_SHOWN: Final = 60


class AddressesField(NetworksField):
    """One per line, or separated by commas, semicolons or spaces."""

    def to_internal_value(self, data: Any) -> list[str]:
        lines = enumerate("\n".join(data).splitlines(), 1)
        placed = [(number, text) for number, line in lines for text in BETWEEN.split(line) if text]
        if len(placed) > self.most:
            self.fail("max_length", max_length=self.most)
        try:
            return super().to_internal_value([text for _, text in placed])
        except serializers.ValidationError as refusal:
            places = cast("dict[int, Any]", refusal.detail)
            raise serializers.ValidationError([fault_of(*placed[place]) for place in places]) from None


def fault_of(line: int, text: str) -> serializers.ErrorDetail:
    meant = network_around(text)
    fault = f"not a network. Did you mean {meant}?" if meant else "not an IP address."
    return serializers.ErrorDetail(f"Line {line}: “{text[:LONGEST_SHOWN]}” is {fault}", code="not_a_network")


class NewKeySerializer(CreateAPIKeySerializer):
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, error_messages={"invalid": "Choose an expiry date."}
    )
    allowed_ips = AddressesField(default=list)


class KeyChangesSerializer(APIKeyChangesSerializer):
    allowed_ips = AddressesField(default=list)


class TakeBackSerializer(UndoSerializer):
    """A dry run until `confirmed` is set."""

    confirmed = serializers.BooleanField(default=False)
