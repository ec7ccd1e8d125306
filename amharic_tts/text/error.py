"""What is raised for text that cannot be read."""

from amharic_tts.errors import InputError

EXCERPT = 20  # characters shown on either side of the span
SHOWN = 40  # characters shown of the span itself


class TextError(InputError):
    """A text holds something that the front-end cannot read.

    span: (start, end) in the text as the stage saw it, after Unicode clean-up. offending: that part of it.
    """

    def __init__(self, problem: str, text: str, start: int, end: int) -> None:
        self.span = (start, end)
        self.offending = text[start:end]
        points = " ".join(f"U+{ord(sign):04X}" for sign in self.offending[:8]) + (" …" if end - start > 8 else "")
        first, last = max(0, start - EXCERPT), min(end, start + SHOWN) + EXCERPT
        around = ("…" if first else "") + _printable(text[first:last]) + ("…" if last < len(text) else "")
        shown = _printable(self.offending[:SHOWN]) + ("…" if end - start > SHOWN else "")
        super().__init__(f'{problem}: "{shown}" ({points}) at character {start + 1} of "{around}"')


def _printable(text: str) -> str:
    """Invisible characters and lone surrogates as �, so that the message can be shown anywhere."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
