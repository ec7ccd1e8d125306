"""Letter case of Latin text, as the base model's vocabulary knows it. Ethiopic letters have none."""

from collections.abc import Callable

CASINGS: dict[str, Callable[[str], str]] = {"as_written": str, "upper": str.upper, "lower": str.lower}
