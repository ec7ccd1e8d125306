"""Readings: the ways in which something written may have been said, the canonical one first."""

import itertools

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


def best_combinations(choices: list[Readings], limit: int) -> list[tuple[str, ...]]:
    """The first `limit` combinations by the sum of their ranks, ties by the earlier parts; without building them all."""
    found: list[tuple[str, ...]] = []
    longest = sum(len(choice) - 1 for choice in choices)
    for total in range(longest + 1):
        for ranks in _ranks([len(choice) for choice in choices], total):
            found.append(tuple(choice[rank] for choice, rank in zip(choices, ranks)))
            if len(found) == limit:
                return found
    return found


def _ranks(sizes: list[int], total: int):
    """All ways of spending `total` on ranks below `sizes`."""
    if not sizes:
        if total == 0:
            yield ()
        return
    for rank in range(min(sizes[0] - 1, total), -1, -1):
        if total - rank <= sum(size - 1 for size in sizes[1:]):
            for rest in _ranks(sizes[1:], total - rank):
                yield (rank, *rest)


def distinct(*readings: str | Readings) -> Readings:
    """The readings without repetitions, in order."""
    flat = itertools.chain.from_iterable((one,) if isinstance(one, str) else one for one in readings)
    return tuple(dict.fromkeys(flat))[:LIMIT]
