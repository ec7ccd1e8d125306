"""Labialised letters that were written as two: ሞልቱዋል -> ሞልቷል."""

import re

# The second order of a series, and the letter that it becomes with ዋ.
LABIALISED: dict[str, str] = dict(
    [
        "ሁኋ",
        "ሉሏ",
        "ሑሗ",
        "ሙሟ",
        "ሡሧ",
        "ሩሯ",
        "ሱሷ",
        "ሹሿ",
        "ቁቋ",
        "ቡቧ",
        "ቩቯ",
        "ቱቷ",
        "ቹቿ",
        "ኁኋ",
        "ኑኗ",
        "ኙኟ",
        "ኩኳ",
        "ኹዃ",
        "ዙዟ",
        "ዡዧ",
        "ዱዷ",
        "ጁጇ",
        "ጉጓ",
        "ጡጧ",
        "ጩጯ",
        "ጱጷ",
        "ጹጿ",
        "ፁፇ",
        "ፉፏ",
        "ፑፗ",
    ]
)
DIGRAPH = re.compile(f"([{''.join(LABIALISED)}])ዋ")


def contract(text: str) -> str:
    """Writes every digraph as the one letter that is heard. Idempotent."""
    return DIGRAPH.sub(lambda match: LABIALISED[match.group(1)], text) if "ዋ" in text else text
