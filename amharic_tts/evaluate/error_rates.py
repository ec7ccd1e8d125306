"""Character and word error rates of recognised speech, by jiwer, over a corpus and line by line."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class Line:
    """One line's reference, what was heard, and its rates (1.0 = as many errors as the reference has units)."""

    index: int
    reference: str
    hypothesis: str
    cer: float
    wer: float


@dataclass(frozen=True)
class ErrorRates:
    """Rates of a corpus: errors of all lines divided by units of all references, not the mean of the lines' rates."""

    cer: float
    wer: float
    characters: int
    words: int
    lines: tuple[Line, ...]

    def worst(self, count: int = 10) -> list[Line]:
        """The lines with the highest CER, worst first; lines without an error are left out."""
        wrong = [line for line in self.lines if line.cer > 0]
        return sorted(wrong, key=lambda line: (-line.cer, line.index))[:count]


def error_rates(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorRates:
    """Compares line by line; both sides in `spoken_text` form.

    An empty hypothesis is all deletions (rate 1). Raises ValueError for different numbers of lines, for none, and for
    an empty reference.
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    if not references:
        raise ValueError("no lines to compare")
    lines, errors, units = [], [0, 0], [0, 0]
    for index, (reference, hypothesis) in enumerate(zip(references, hypotheses)):
        if not reference.split():
            raise ValueError(f"reference {index} is empty: there is nothing that speech could have said wrongly")
        rates = []
        for which, process, count in (
            (0, jiwer.process_characters, len(reference)),
            (1, jiwer.process_words, len(reference.split())),
        ):
            result = process(reference, hypothesis)
            wrong = result.substitutions + result.deletions + result.insertions
            errors[which] += wrong
            units[which] += count
            rates.append(wrong / count)
        lines.append(Line(index, reference, hypothesis, *rates))
    return ErrorRates(errors[0] / units[0], errors[1] / units[1], units[0], units[1], tuple(lines))
