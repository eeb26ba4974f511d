def counted(noun: str, number: int) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted_all(numbers: dict[str, int]) -> str:
    """Leaves out zeros."""
    return ", ".join(counted(noun, number) for noun, number in numbers.items() if number) or "nothing"
