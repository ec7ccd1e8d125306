"""Rises of a loss that noise does not explain."""

from dataclasses import dataclass

import numpy as np

from amharic_tts.diagnose.levels import BLOCKS, Levels, running_median

RISE = 0.15
"""Share of its level by which a loss must rise: smaller ones come from harder and easier stretches of data."""
RISE_OF_FEW = 0.2
"""The same for few points; document 003's epoch 4 rose by 31 %."""
ERRORS = 6
"""Standard errors that a rise must have: over the 24 levels of a run the highest and lowest lie 4 apart by chance."""
SURE_RISE = 0.4
"""Share of the level that counts whatever the errors are: a loss that bounces makes them large itself."""
LASTING = 3
"""Levels that a rise must last which the run does not make good; of few points one is enough."""


@dataclass(frozen=True)
class Swing:
    """A rise from a low to the high that followed, by indices of levels."""

    low: int
    high: int
    rise: float
    """Relative to the low."""
    recovered: bool
    """The level came down again by more than half of the rise."""
    width: int
    """Levels that lay above half of the rise."""


def least_rise(levels: Levels, i: int, few: bool) -> float:
    """Absolute rise that counts at level i."""
    level = abs(float(levels.value[i]))
    return RISE_OF_FEW * level if few else max(RISE * level, min(ERRORS * float(levels.error[i]), SURE_RISE * level))


def swings(levels: Levels, few: bool) -> list[Swing]:
    """All rises in order: a zigzag whose rise ends where more than half of it is lost. Of many points medians of three levels
    are looked at, so that no single low makes a rise of what follows."""
    value = levels.value if len(levels) < BLOCKS else running_median(levels.value, 3)
    out: list[Swing] = []
    low = high = 0
    rising = False
    for i in range(1, len(value)):
        if rising:
            if value[i] > value[high]:
                high = i
            elif value[high] - value[i] >= max(least_rise(levels, low, few), 0.6 * (value[high] - value[low])):
                out.append(_swing(value, low, high, i))
                low, rising = i, False
        elif value[i] < value[low]:
            low = i
        elif value[i] - value[low] >= least_rise(levels, low, few):
            high, rising = i, True
    if rising:
        out.append(_swing(value, low, high, None))
    return out


def _swing(value: np.ndarray, low: int, high: int, back: int | None) -> Swing:
    rise = float(value[high] - value[low])
    width = int((value[low : len(value) if back is None else back] > value[low] + rise / 2).sum())
    return Swing(low, high, rise / max(abs(float(value[low])), 1e-12), back is not None, width)
