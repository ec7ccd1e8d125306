"""The course of the loss as all rules on it see it: the curve, its levels, and which part of it was warm-up."""

from dataclasses import dataclass

import numpy as np

from amharic_tts.diagnose.curves import Curves, Series
from amharic_tts.diagnose.levels import FEW, Levels, first_level, levels

SEEN = 0.25
"""Share of the planned run before anything is said about its pace while it is under way."""
LEAST = 4
"""Points below which nothing is said of a loss."""


@dataclass(frozen=True)
class Shape:
    """The training loss, or the first validation set's where no training loss was logged."""

    curve: Series
    levels: Levels
    start: float
    start_error: float
    warm: float
    """Time at which the learning rate had risen to its peak; the curve's first time where no rate was logged."""
    peak_rate: float | None
    usual_rate: float | None
    validation_only: bool
    planned: float
    """Time at which the phase will end; the curve's last time where it has ended."""

    @property
    def few(self) -> bool:
        return len(self.curve) < FEW

    @property
    def done(self) -> float:
        """Share of the phase that the curve covers."""
        begin, end = self.curve.time[0], self.curve.time[-1]
        return float((end - begin) / max(self.planned - begin, end - begin, 1e-12))

    @property
    def end(self) -> float:
        """Level at the end: the last point of few, else the median of the last two blocks."""
        return float(self.levels.value[-1] if self.few else np.median(self.levels.value[-2:]))

    @property
    def end_error(self) -> float:
        return float(self.levels.error[-1])


def shape_of(curves: Curves, without: list[tuple[float, float]] = ()) -> Shape | None:
    """Shape of the loss without the stretches of time named; None where there are too few points."""
    curve, validation_only = curves.train.finite, False
    if len(curve) < LEAST and curves.validation:
        curve, validation_only = max((one.finite for one in curves.validation.values()), key=len), True
    for begin, end in without:
        curve = curve.only((curve.time < begin) | (curve.time > end))
    if len(curve) < LEAST or curve.time[-1] <= curve.time[0]:
        return None
    start, start_error = first_level(curve)
    peak = float(curves.rate.value.max()) if len(curves.rate) else None
    return Shape(
        curve, levels(curve), start, start_error, _warm(curves.rate, curve), peak, curves.usual_rate, validation_only,
        float(max(curves.planned or 0.0, curve.time[-1])),
    )  # fmt: skip


def _warm(rate: Series, curve: Series) -> float:
    """When the rate first came within a tenth of its peak; a rise that takes more than half of the run is no warm-up."""
    if not len(rate):
        return float(curve.time[0])
    warm = float(rate.time[np.argmax(rate.value >= 0.9 * rate.value.max())])
    return warm if warm <= (curve.time[0] + curve.time[-1]) / 2 else float(curve.time[0])
