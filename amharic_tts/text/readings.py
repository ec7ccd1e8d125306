"""Readings: the ways in which something written may have been said, the canonical one first."""

import heapq
import itertools
from collections.abc import Sequence

Readings = tuple[str, ...]

LIMIT = 8  # readings of one span; what lies beyond is said by hardly anybody


def join(*parts: str | Readings) -> Readings:
    """Puts parts together in every combination, those nearest to all canonical parts first; at most LIMIT.

    join("ከ", ("መቶ", "አንድ መቶ"), " ብር") == ("ከመቶ ብር", "ከአንድ መቶ ብር").
    """
    choices = [(part,) if isinstance(part, str) else part for part in parts]
    if all(len(choice) == 1 for choice in choices):
        return ("".join(choice[0] for choice in choices),)
    return tuple("".join(combination) for combination in best_combinations(choices, LIMIT))


def best_combinations(choices: Sequence[Readings], limit: int) -> list[tuple[str, ...]]:
    """The first `limit` combinations by the sum of their ranks, ties by the earlier parts; without building them all."""
    canonical = [choice[0] for choice in choices]
    several = [place for place, choice in enumerate(choices) if len(choice) > 1]
    # a combination is what it changes: ((place in `several`, rank), …); each grows at its last place or after it
    waiting: list[tuple[int, tuple[tuple[int, int], ...]]] = [(0, ())]
    found = []
    while waiting and len(found) < limit:
        total, changes = heapq.heappop(waiting)
        combination = canonical.copy()
        for index, rank in changes:
            combination[several[index]] = choices[several[index]][rank]
        found.append(tuple(combination))
        last, rank = changes[-1] if changes else (-1, 0)
        if changes and rank + 1 < len(choices[several[last]]):
            heapq.heappush(waiting, (total + 1, (*changes[:-1], (last, rank + 1))))
        # no more can be asked for than the places that come next
        for index in range(last + 1, min(last + 1 + limit, len(several))):
            heapq.heappush(waiting, (total + 1, (*changes, (index, 1))))
    return found


def distinct(*readings: str | Readings) -> Readings:
    """The readings without repetitions, in order."""
    flat = itertools.chain.from_iterable((one,) if isinstance(one, str) else one for one in readings)
    return tuple(dict.fromkeys(flat))[:LIMIT]
