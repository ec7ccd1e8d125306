"""Where a noisy curve stands: medians of blocks, with the error that the noise leaves in them.

Everything rests on medians, so that one bad batch decides nothing, and on relative figures, so that losses of 0.5 and of
13 are judged alike.
"""

from dataclasses import dataclass

import numpy as np

from amharic_tts.diagnose.curves import Series

FEW = 12
"""Points below which noise cannot be told from shape: they are taken for means over epochs, and a noise is assumed."""
ASSUMED_NOISE = 0.03
"""Relative noise of few points."""
BLOCKS = 24
TO_SIGMA = 1.4826
"""Median absolute deviation → standard deviation of a normal distribution."""


def spread(values: np.ndarray) -> float:
    """Standard deviation as the median absolute deviation tells it: outliers do not count."""
    return TO_SIGMA * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Median of `width` (odd, 51 at most) neighbours around each value; the window narrows at both ends, so that slopes keep
    their ends."""
    reach = min(width // 2, 25, (len(values) - 1) // 2)
    out = np.empty(len(values))
    if reach:
        out[reach : len(values) - reach] = np.median(
            np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1), axis=1
        )
    else:
        out[:] = values
    for i in range(reach):
        out[i] = np.median(values[: 2 * i + 1])
        out[-1 - i] = np.median(values[len(values) - 1 - 2 * i :])
    return out


def scale(values: np.ndarray) -> np.ndarray:
    """What a difference at each value is compared with: the level there, and never less than a hundredth of the whole
    curve's."""
    level = np.abs(running_median(values, max(3, len(values) // 10 | 1)))
    return np.maximum(level, max(0.01 * float(np.median(np.abs(values))), 1e-12))


def noise(values: np.ndarray) -> float:
    """Relative noise of single points: from second differences (a line has none, a curve hardly any) or around a running
    median, whichever is larger: neighbours that are alike (smoothed logs, hard and easy stretches) hide it from the first."""
    if len(values) < FEW:
        return ASSUMED_NOISE
    size = scale(values)
    second = values[2:] - 2 * values[1:-1] + values[:-2]
    around = values - running_median(values, max(5, len(values) // 10) | 1)
    return max(spread(second / size[1:-1]) / 6**0.5, spread(around / size))


@dataclass(frozen=True)
class Levels:
    """A curve as medians of blocks of equal counts; of few points each is its own block."""

    time: np.ndarray
    step: np.ndarray
    value: np.ndarray
    error: np.ndarray
    """Standard error of each value."""
    noise: float
    """Relative, from point to point."""

    def __len__(self) -> int:
        return len(self.value)


def levels(series: Series, blocks: int = BLOCKS) -> Levels:
    """Levels of a finite series of at least one point."""
    value, relative = series.value, noise(series.value)
    parts = np.array_split(np.arange(len(value)), min(len(value), blocks))
    middle = np.array([np.median(value[part]) for part in parts])
    size = np.array([len(part) for part in parts])
    error = 1.25 * relative * np.abs(middle) / np.sqrt(size)  # 1.25: a median's error over a mean's
    if len(middle) >= FEW and len(value) > len(middle):
        # Noise that is alike in neighbouring steps (smoothed logs, hard and easy stretches of data) averages out less.
        jitter = spread((middle[2:] - 2 * middle[1:-1] + middle[:-2]) / np.maximum(middle[1:-1], 1e-12)) / 6**0.5
        error = np.maximum(error, min(jitter, ASSUMED_NOISE) * np.abs(middle))
    return Levels(
        np.array([series.time[part].mean() for part in parts]),
        np.array([series.step[part[len(part) // 2]] for part in parts]),
        middle,
        error,
        relative,
    )


def first_level(series: Series) -> tuple[float, float]:
    """Level and standard error at the very beginning: of one to five points, as many as there are to spare."""
    count = max(1, min(5, len(series) // FEW))
    level = float(np.median(series.value[:count]))
    return level, noise(series.value) * abs(level) * 1.25 / count**0.5


def thirds(series: Series, begin: float, end: float) -> np.ndarray:
    """Means of the piecewise linear curve over three equal stretches of time between `begin` and `end`."""
    edges = np.linspace(begin, end, 61)
    return series.at((edges[1:] + edges[:-1]) / 2).reshape(3, 20).mean(axis=1)
