from typing import Any

from django.core.exceptions import ValidationError

SHORTEST = 8
LONGEST = 1024


class PasswordLengthValidator:
    """8 to 1,024 characters. The password is neither trimmed nor truncated (ASVS 5.0, 6.2.1, 6.2.8, 6.2.9)."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) < SHORTEST:
            raise ValidationError(self.get_help_text(), code="password_too_short")
        if len(password) > LONGEST:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"A password has {SHORTEST} to {LONGEST:,} characters."
