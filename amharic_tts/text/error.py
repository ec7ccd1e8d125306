"""What is raised for text that cannot be read."""

from amharic_tts.errors import InputError

EXCERPT = 20  # characters shown on either side of the span


class TextError(InputError):
    """A text holds something that the front-end cannot read. `span` is (start, end) in the text as the stage saw it."""

    def __init__(self, problem: str, text: str, start: int, end: int) -> None:
        self.span = (start, end)
        self.offending = text[start:end]
        shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in self.offending)
        points = " ".join(f"U+{ord(sign):04X}" for sign in self.offending[:8])
        before = "…" if start > EXCERPT else ""
        after = "…" if end + EXCERPT < len(text) else ""
        around = before + text[max(0, start - EXCERPT) : end + EXCERPT] + after
        around = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in around)
        super().__init__(f'{problem}: "{shown}" ({points}) at character {start + 1} of "{around}"')
