"""Validation rises while training falls: the run learns its rows by heart."""

import numpy as np

from amharic_tts.diagnose.curves import Curves, Series
from amharic_tts.diagnose.findings import Finding, certainty, figure
from amharic_tts.diagnose.levels import FEW, noise, running_median

RISE = 0.03
"""Relative rise of validation from its lowest. A validation set is always the same, so that its noise is well below."""
LARGE_RISE = 0.1
"""Rise that needs no further fall of training."""
SIGMAS = 4
ASSUMED_NOISE = 0.006
"""Relative noise of a validation loss where its points are too few to measure it."""


def overfitting(curves: Curves) -> list[Finding]:
    """The worst validation set's finding; none while another set still gets better: what is learned by heart helps on no
    row that is new, while a set of its own (a voice that training never heard) may part from the others for good."""
    if any(_still_falls(series.finite) for series in curves.validation.values()):
        return []
    found = [
        one for name, series in curves.validation.items() if (one := _of_set(name, series.finite, curves.train.finite))
    ]
    return [max(found, key=lambda one: one.confidence)] if found else []


def _of_set(name: str, validation: Series, train: Series) -> Finding | None:
    count = len(validation)
    if count < 2:
        return None
    value = running_median(validation.value, 3) if count >= 8 else validation.value
    tail = min(3, max(1, count // 4))
    low = int(np.argmin(value[: count - tail])) if count > tail else 0
    end = float(np.median(value[-tail:]))
    base = max(abs(float(value[low])), abs(float(train.value[-1])) if len(train) else 0.0, 1e-12)
    rise = (end - float(value[low])) / base
    sigma = noise(validation.value) if count >= FEW else ASSUMED_NOISE
    if rise < max(RISE, SIGMAS * sigma) or not _keeps_rising(value[low:]):
        return None
    train_said = ""
    if len(train) >= 2:
        then, now, error = _train_levels(train, validation.time[low])
        # Training that has come to rest still counts beside a large rise; training that rises is another sickness.
        falls = then - now > max(0.01 * abs(then), 2 * error)
        if not falls and (rise < LARGE_RISE or now - then > 0.03 * abs(then)):
            return None
        train_said = f" while training went from {figure(then)} to {figure(now)}"
    return Finding(
        "overfitting",
        f"{name.replace('_', ' ')} rose from {figure(value[low])} at step {validation.step[low]:.0f} to {figure(end)} at step "
        f"{validation.step[-1]:.0f} (+{rise:.0%}){train_said}",
        certainty(rise, RISE) if len(train) else min(0.7, certainty(rise, RISE)),
        f"Take the checkpoint of step {validation.step[low]:.0f} and stop there next time (early stopping, patience 4); to go "
        "further: dropout 0.1 → 0.2, more speech or augmentation, fewer epochs",
    )


def _still_falls(validation: Series) -> bool:
    """The last third lies below everything before."""
    value = validation.value
    late = max(1, len(value) // 3)
    return len(value) >= 3 and float(np.median(value[-late:])) < 0.98 * float(np.min(value[:-late]))


def _keeps_rising(value: np.ndarray) -> bool:
    """Of all pairs after the lowest three quarters rise (one high last point is no trend)."""
    if len(value) < 4:
        return bool(value[-1] > value[0])
    above = np.sign(np.subtract.outer(value, value)).T
    pairs = above[np.triu_indices(len(value), 1)]
    return float((pairs > 0).mean()) >= 0.75


def _train_levels(train: Series, time: float) -> tuple[float, float, float]:
    """Training loss around `time` and at the end, and the error of their difference."""
    near = max(1, len(train) // 20)
    at = int(np.clip(np.searchsorted(train.time, time), 0, len(train) - 1))
    around = train.value[max(0, at - near // 2) : at + near // 2 + 1]
    last = train.value[-near:]
    sigma = noise(train.value) if len(train) >= FEW else 0.0
    error = 1.25 * sigma * abs(float(np.median(around))) * (1 / len(around) + 1 / len(last)) ** 0.5
    return float(np.median(around)), float(np.median(last)), error
