"""What a vocabulary does to a corpus, measured while it streams by: memory does not grow with the corpus."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from amharic_tts.text.tokenizer import UNKNOWN, Tokenizer
from amharic_tts.text.vocab.corpus import Line

LONGEST = 10  # sequences that are kept to be shown
RATES_PER_UNIT = 100  # tokens per second are counted in steps of 0.01
PERCENTILES = (1, 5, 50, 95, 99)


@dataclass
class Measures:
    """Counts over a corpus. limit: longest text of the model, in tokens without start and stop.

    times: how often each id occurs. letters: how often each character of the normalised text occurs. rates: texts by
    tokens per second of speech, in hundredths. longest: (tokens, -running number, place, text), the longest first.
    timed, seconds: texts whose duration is known, and how long they last; timed_tokens: their tokens.
    """

    limit: int
    times: np.ndarray
    letters: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    characters: int = 0
    bytes: int = 0
    over_limit: int = 0
    timed: int = 0
    seconds: float = 0.0
    timed_tokens: int = 0
    rates: Counter[int] = field(default_factory=Counter)
    longest: list[tuple[int, int, str, str]] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return int(self.times.sum())

    @property
    def unknown(self) -> int:
        """Tokens that stand for what the vocabulary cannot spell."""
        return int(self.times[UNKNOWN])

    @property
    def rate(self) -> float:
        """Tokens per second of speech, over all texts with a duration; 0 when there are none."""
        return self.timed_tokens / self.seconds if self.seconds else 0.0

    def percentiles(self) -> dict[int, float]:
        """Tokens per second at each of PERCENTILES of the texts with a duration; empty when there are none."""
        return {share: percentile(self.rates, share) / RATES_PER_UNIT for share in PERCENTILES if self.rates}


def measure(tokenizer: Tokenizer, lines: Iterable[Line], limit: int) -> Measures:
    """Encodes normalised lines (those of `corpus.normalised`) and counts."""
    found = Measures(limit, np.zeros(tokenizer.size, dtype=np.int64))
    times: Counter[int] = Counter()
    for line in lines:
        ids = tokenizer.encode_normalised(line.text)
        times.update(ids)
        found.texts += 1
        found.characters += len(line.text)
        found.bytes += len(line.text.encode())
        found.letters.update(line.text)
        found.over_limit += len(ids) > limit
        if line.seconds:
            found.timed += 1
            found.seconds += line.seconds
            found.timed_tokens += len(ids)
            found.rates[round(RATES_PER_UNIT * len(ids) / line.seconds)] += 1
        entry = (len(ids), -found.texts, line.place, line.text)
        if len(found.longest) < LONGEST:
            heapq.heappush(found.longest, entry)
        elif entry > found.longest[0]:
            heapq.heapreplace(found.longest, entry)
    found.times[list(times)] = list(times.values())
    found.longest.sort(reverse=True)
    return found


@dataclass(frozen=True)
class Dead:
    """Pieces of this vocabulary's own (not its base's) that the corpus never uses.

    pieces: of several letters. coverage: single letters and marks, which are there so that every text can be written.
    """

    pieces: tuple[str, ...]
    coverage: tuple[str, ...]


def dead_pieces(tokenizer: Tokenizer, found: Measures) -> Dead:
    """The pieces without an occurrence; control, unknown and bytes are no pieces of text."""
    no_text = tokenizer.special_ids() | tokenizer.byte_ids()
    pieces = tokenizer.pieces()
    unused = [
        pieces[one] for one in range(tokenizer.base_size, tokenizer.size) if not found.times[one] and one not in no_text
    ]
    return Dead(tuple(p for p in unused if len(p) > 1), tuple(p for p in unused if len(p) == 1))


def percentile(counts: Mapping[int, int], share: float) -> int:
    """The smallest value that at least `share` percent of the counted values do not exceed."""
    wanted, passed = share / 100 * sum(counts.values()), 0
    for value in sorted(counts):
        passed += counts[value]
        if passed >= wanted:
            return value
    raise ValueError("no values")
