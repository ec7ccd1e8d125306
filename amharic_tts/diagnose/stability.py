"""A loss that goes up and down: `unstable`, and what of it says that the steps are too long: `lr_too_high`."""

import numpy as np

from amharic_tts.diagnose.findings import Finding, certainty, figure
from amharic_tts.diagnose.levels import FEW, running_median, scale, spread
from amharic_tts.diagnose.shape import SEEN, Shape
from amharic_tts.diagnose.swings import LASTING as LASTING_LEVELS
from amharic_tts.diagnose.swings import Swing, swings

SPIKE = 0.25
"""Height of a spike, relative to the level; lower ones are noise of small batches."""
SPIKE_SIGMAS = 8
SPIKES = 3
"""One or two that recover are a bad batch."""
WIDE_RISE = 0.5
"""Rise of several levels that counts although it recovered."""
BAD_START = 0.15
"""Rise above the start that a healthy beginning never has."""
LASTING = 4.0
"""A lone spike counts when the sum of its heights, relative to the level, reaches this (4 points at twice the level)."""
SCATTER = 0.25
"""Relative scatter around the level that no healthy batch size leaves."""
GROWTH = 3.0
"""Scatter late in the run over scatter early: a healthy loss grows calmer."""


def unstable(shape: Shape) -> list[Finding]:
    """Spikes, bounces, a scatter that is large or grows, or a loss that had fallen and rose for good."""
    found = [one for one in (_bounces(shape), _spikes(shape), _scatters(shape)) if one]
    if not found:
        return []
    evidence, strength = max(found, key=lambda one: one[1])
    lower = f" from {figure(shape.peak_rate)} to {figure(shape.peak_rate / 3)}" if shape.peak_rate else " to a third"
    return [
        Finding(
            "unstable",
            evidence,
            strength,
            f"Lower the learning rate{lower}, halve the gradient clipping (1.0 → 0.5 in document 003), double the warm-up, "
            "and look at the rows of the steps named",
        )
    ]


def lr_too_high(shape: Shape) -> list[Finding]:
    """The loss rises and stays up, or bounces and gets nowhere (document 003: 13.18, 7.71, 6.93, 9.11)."""
    evidence = _rises(shape) or _starts_badly(shape) or _gets_nowhere(shape)
    if not evidence:
        return []
    text, strength = evidence
    lower = f"from {figure(shape.peak_rate)} to {figure(shape.peak_rate / 4)}" if shape.peak_rate else "to a quarter"
    return [
        Finding(
            "lr_too_high",
            text,
            strength,
            f"Lower the learning rate {lower} (document 003: 2e-4 → 5e-5) and double the warm-up",
        )
    ]


def _said(shape: Shape, swing: Swing) -> str:
    value, step = shape.levels.value, shape.levels.step
    return (
        f"{figure(value[swing.low])} at step {step[swing.low]:.0f} to {figure(value[swing.high])} at step "
        f"{step[swing.high]:.0f} (+{swing.rise:.0%})"
    )


def _counted(shape: Shape) -> list[Swing]:
    """Swings of the loss; a single level that is high is a bad stretch of data. On a validation loss alone one rise that
    stays is overfitting's to explain."""
    found = [
        s
        for s in swings(shape.levels, shape.few)
        if s.width >= (2 if s.recovered else 1 if shape.few else LASTING_LEVELS)
    ]
    return found if not shape.validation_only or sum(s.recovered for s in found) else []


def _fell_before(shape: Shape, swing: Swing) -> bool:
    return shape.levels.value[swing.low] < shape.start - max(0.05 * abs(shape.start), 2 * shape.start_error)


def _bounces(shape: Shape) -> tuple[str, float] | None:
    found = _counted(shape)
    stays = [s for s in found if not s.recovered and _fell_before(shape, s)]
    if len(found) < 2 and not stays and not any(s.rise > WIDE_RISE for s in found):
        return None
    worst = max(found, key=lambda s: s.rise)
    often = f", {len(found)} such rises" if len(found) > 1 else ", and stayed up"
    return f"the loss rose from {_said(shape, worst)}{often}", certainty(worst.rise * len(found), 0.2)


def _spikes(shape: Shape) -> tuple[str, float] | None:
    value = shape.curve.value
    if shape.few:
        return None
    level = running_median(value, max(5, len(value) // 10) | 1)
    height = (value - level) / scale(value)
    # The first twentieth, and warm-up, are steep: a median runs behind there.
    settled = (shape.curve.time > shape.warm) & (np.arange(len(value)) >= len(value) // 20)
    high = settled & (height > max(SPIKE, SPIKE_SIGMAS * shape.levels.noise))
    at = np.flatnonzero(high)
    if not len(at):
        return None
    groups = np.split(at, np.flatnonzero(np.diff(at) > 3) + 1)
    largest = max(groups, key=lambda group: height[group].sum())
    lasting = float(height[largest].sum())
    if len(groups) < SPIKES and lasting < LASTING:
        return None
    top = largest[np.argmax(height[largest])]
    steps = ", ".join(f"{shape.curve.step[group[0]]:.0f}" for group in groups[:6]) + (" …" if len(groups) > 6 else "")
    evidence = (
        f"{len(groups)} spikes of the loss, at steps {steps}; the largest to {figure(value[top])} over a level of "
        f"{figure(level[top])}"
    )
    return evidence, certainty(max(len(groups) / SPIKES, lasting / LASTING), 1.0)


def scatter(shape: Shape) -> tuple[float, float]:
    """Scatter of single points around the levels in the first and the last third, relative to the level at the end of the
    third; the bounce of a learning rate that is too high shows here when it is faster than the levels."""
    curve, half = shape.curve, len(shape.curve) // 3
    away = curve.value - np.interp(curve.time, shape.levels.time, shape.levels.value)
    level = np.maximum(np.abs(np.interp(curve.time, shape.levels.time, shape.levels.value)), 1e-12)
    return spread(away[:half]) / float(level[:half].min()), spread(away[-half:]) / float(np.median(level[-half:]))


def _scatters(shape: Shape) -> tuple[str, float] | None:
    if len(shape.curve) < 2 * FEW:
        return None
    early, late = scatter(shape)
    if late > SCATTER:
        return f"single steps lie {late:.0%} around the loss of {figure(shape.end)}", certainty(late, SCATTER)
    if len(shape.curve) >= 4 * FEW and late > SPIKE / 2 and late > GROWTH * early:
        return (
            f"the scatter of single steps grew from {early:.0%} in the first third to {late:.0%} in the last",
            certainty(late, GROWTH * early),
        )
    return None


def _rises(shape: Shape) -> tuple[str, float] | None:
    for swing in _counted(shape):
        # A rise that the run never makes good: half of it is still there at the end.
        rise = shape.levels.value[swing.high] - shape.levels.value[swing.low]
        if not swing.recovered and shape.end > shape.levels.value[swing.low] + 0.5 * rise:
            return f"the loss rose from {_said(shape, swing)} and stayed up", certainty(swing.rise, 0.15)
    return None


def _starts_badly(shape: Shape) -> tuple[str, float] | None:
    """The first steps at the full rate throw the weights away: the loss rises above its start, and a quarter of the run later
    is hardly below it (the demo at 50 times its rate: 5.6, 7.1, and 5.3 for half of the run)."""
    value = shape.curve.value
    if shape.few or shape.validation_only or shape.done < SEEN:
        return None
    begin = max(float(value[0]), shape.start)
    early = running_median(value, 3)[: max(FEW, len(value) // 3)]
    top = int(np.argmax(early))
    later = float(np.median(value[len(value) // 4 : len(value) // 2]))
    rise = (float(early[top]) - begin) / max(abs(begin), 1e-12)
    if rise < max(BAD_START, 4 * shape.levels.noise) or later < 0.85 * shape.start:
        return None
    step = shape.curve.step
    return (
        f"the loss rose from {figure(begin)} to {figure(float(early[top]))} at step {step[top]:.0f} and was "
        f"{figure(later)} around step {step[len(value) * 3 // 8]:.0f}",
        certainty(rise, BAD_START / 2),
    )


def _gets_nowhere(shape: Shape) -> tuple[str, float] | None:
    """Bounces (slow or fast), while the last half of the run is no better than the best before."""
    value = shape.levels.value
    half = len(value) // 2
    if half < 2 or np.median(value[half:]) < 0.9 * value[:half].min():
        return None
    found = _counted(shape)
    if len(found) >= 2 or any(s.rise > WIDE_RISE for s in found):
        return (
            f"the loss bounced ({len(found)} times), from {_said(shape, max(found, key=lambda s: s.rise))}, and got nowhere",
            0.5 + min(0.4, 0.1 * len(found)),
        )
    if len(shape.curve) >= 2 * FEW and scatter(shape)[1] > SCATTER:
        late = scatter(shape)[1]
        return f"single steps bounce by {late:.0%} around {figure(shape.end)}, and the loss gets nowhere", 0.6
    return None
