"""Whether and how fast the loss falls: `nothing_learned`, `lr_too_low`, `plateau`."""

import numpy as np

from amharic_tts.diagnose.curves import Curves, Series
from amharic_tts.diagnose.findings import Finding, certainty, figure
from amharic_tts.diagnose.levels import BLOCKS, Levels, levels, spread, thirds
from amharic_tts.diagnose.shape import SEEN, Shape

NO_FALL = 0.05
"""Relative fall over the whole run that is nothing, where noise hides whether it is one."""
STEADY = 0.7
"""Fall from the second to the last third of a run over the fall from the first to the second: 1 on a straight line, less
the more the loss has settled. Document 002's run at 1e-6 has 0.80, the same at 1e-5 would have 0.54; an exponential that
has had the time of one time constant has 0.72."""
SETTLING = 0.5
"""The same of a run that is well on its way down (1.4 time constants of an exponential): noise must not be able to make a
steady run of it."""
SMALL_FALL = 0.36
"""Relative fall of the whole run that is little (document 002: 32 % where 72 % were to be had)."""
LOW_RATE = 0.2
"""Share of the usual rate at which a rate is suspected; it is convicted by the loss alone."""
USUAL_RATE = 1e-5
"""Where no usual rate is given: document 002's for 10 hours and more (it takes 5e-7 to 1e-6 only below 3 hours)."""
STARVED = 0.4
"""Loss left beside the start at which a rate far below the usual one is to blame (the demo at a fiftieth of its rate has 0.6
after a quarter of the run, at its own 0.2)."""
FLAT = ((0.5, 0.5, 0.006), (0.6, 0.5, 0.013), (0.7, 0.4, 0.022))
"""What a plateau is: share of the run that stands, loss that is left beside the start at least, and the fall within that
share (first to last third of it) relative to the fall before, at most. A healthy exponential of 6.5 time constants falls by
0.020, 0.028 and 0.061 there, a healthy power law by 0.025, 0.035 and 0.052; a loss far below half of the start has converged. Below 24 points only the longest counts."""
DOUBT = 2.2
"""The fall may be so many times as large within the error that the scatter leaves."""
LEARNED = 0.05
"""Relative fall before a plateau: without one there is nothing to stop."""


def nothing_learned(shape: Shape) -> list[Finding]:
    """No level of the whole run lies below the first beyond noise, and noise could not hide a fall that matters."""
    if shape.done < SEEN or shape.curve.time[-1] < 2 * shape.warm - shape.curve.time[0]:
        return []
    best = int(np.argmin(shape.levels.value))
    low = min(shape.end, float(np.median(shape.levels.value[len(shape.levels) // 2 :])))
    error = max(shape.start_error, 1e-12)
    fall = (shape.start - low) / max(abs(shape.start), 1e-12)
    noise_of_fall = error / max(abs(shape.start), 1e-12)
    begin = float(np.median(shape.levels.value[: max(1, len(shape.levels) // 6)]))
    slow = (begin - low) / (float(shape.levels.error[0] ** 2 + shape.end_error**2) ** 0.5 + 1e-12)
    limit = max(0.005, min(NO_FALL, 3 * noise_of_fall))
    if fall > limit or (slow > 4 and fall > 0.005) or noise_of_fall > 0.05 or _rose(shape):
        return []
    found = Finding(
        "nothing_learned",
        f"the loss was {figure(shape.start)} at step {shape.curve.step[0]:.0f} and {figure(shape.end)} at step "
        f"{shape.curve.step[-1]:.0f} (lowest level {figure(shape.levels.value[best])}), a fall of {fall:.1%} where noise "
        f"alone leaves {noise_of_fall:.1%}",
        0.9 if len(shape.curve) > 20 else 0.7,
        "Check that the loss reaches the trained parameters (gradient norm above 0, parameters that learn above 0, targets "
        "that belong to their inputs); if they do, raise the learning rate 10 times",
    )
    return [found]


def _rose(shape: Shape) -> bool:
    return shape.end > 1.05 * shape.start


def rate_is_low(shape: Shape) -> bool:
    """Whether the highest rate of the run is far below the usual one."""
    return shape.peak_rate is not None and 0 < shape.peak_rate <= LOW_RATE * (shape.usual_rate or USUAL_RATE)


def lr_too_low(shape: Shape) -> list[Finding]:
    """The loss falls steadily, as on a line, but so slowly that the run ends long before it settles (document 002)."""
    if shape.validation_only and len(shape.curve) < 6:
        return []
    low_rate = rate_is_low(shape)
    begin, end = max(shape.warm, shape.curve.time[0]), shape.curve.time[-1]
    after = int((shape.curve.time >= begin).sum())
    # While a run is under way: not before as much has passed after the warm-up as within it.
    if after < 4 or shape.done < SEEN or end - begin < begin - shape.curve.time[0]:
        return []
    smoothed = _smoothed(shape)
    first, second, third = (float(level) for level in thirds(smoothed, begin, end))
    fall = shape.start - shape.end
    # Errors of the thirds' means, and so of their differences.
    error = 0.0 if shape.few else 1.25 * shape.levels.noise * abs(second) / (after / 3) ** 0.5
    remaining = (second - third) / ((end - begin) / 3) * max(0.0, shape.planned - end)
    promised = (fall + max(0.0, remaining)) / max(abs(shape.start), 1e-12)
    steady = (second - third) / (first - second) if first > second else 0.0
    lasting = third < second < first and steady >= (SETTLING if low_rate else STEADY)
    sure = first - third > 4 * error and (second - third) - SETTLING * (first - second) > 2 * error
    # A fast start is no low rate, however slow the rest is: on a line half as much is lost here as from third to third.
    slow_start = float(smoothed.at(begin)) - first < 1.2 * (first - second) + 2 * error
    slow = lasting and sure and slow_start and promised < (0.5 if low_rate else SMALL_FALL)
    starved = low_rate and (promised < 0.2 or (shape.usual_rate is not None and shape.end > STARVED * shape.start))
    if not (slow or starved) or _rose(shape):
        return []
    given = f" at a rate of {figure(shape.peak_rate)}" if shape.peak_rate else ""
    if low_rate and shape.usual_rate is not None:
        given += f" (usual: {figure(shape.usual_rate)})"
    ahead = f", on the way to {promised:.0%} at the planned end" if remaining > 0 else ""
    target = (shape.usual_rate if low_rate and shape.usual_rate else 10 * shape.peak_rate) if shape.peak_rate else None
    raised = f"from {figure(shape.peak_rate)} to {figure(target)}" if target else "10 times"
    return [
        Finding(
            "lr_too_low",
            f"the loss fell from {figure(shape.start)} to {figure(shape.end)} in {end - shape.curve.time[0]:.0f} steps"
            f"{given}, {fall / max(abs(shape.start), 1e-12):.0%}{ahead}, "
            + ("and still falls as on a line: " if slow else "")
            + f"{figure(first - second)} from the first to the second third, {figure(second - third)} to the last",
            round(min(0.95, 0.6 + 0.3 * low_rate + 0.1 * (not shape.few)), 2),
            f"Raise the learning rate {raised}; document 002 takes 5e-6 for 3 to 10 hours of speech, 1e-5 to 2e-5 for 10 to "
            "40, 2e-5 to 5e-5 above",
        )
    ]


def _smoothed(shape: Shape) -> Series:
    """The levels as a curve whose ends are the first and the last level."""
    time = np.concatenate(([shape.curve.time[0]], shape.levels.time, [shape.curve.time[-1]]))
    value = np.concatenate(([shape.start], shape.levels.value, [shape.end]))
    return Series(time, time, value)


def plateau(curves: Curves, shape: Shape) -> list[Finding]:
    """The loss fell, then stopped early and high, while the learning rate was still up.

    A run that converges slows down gradually and ends low, and the end of a decaying schedule is flat by design: so the
    flat part is looked for only where the rate is above a third of its peak, it must be long, and the longer the lower
    the loss stands beside its start.
    """
    curve = shape.curve
    if len(curves.rate) and shape.peak_rate:
        up = curves.rate.at(curve.time) >= 0.3 * shape.peak_rate
        curve = curve.only(up | (curve.time <= shape.warm))
    if len(curve) < 8:
        return []
    level = levels(curve)
    end = float(np.median(level.value[-max(2, len(level) // 4) :]))
    left = end / shape.start if shape.start > 0 else 1.0
    fall = shape.start - end
    if fall < LEARNED * abs(shape.start) or fall < 4 * shape.start_error:
        return []
    begin, last = float(curve.time[0]), float(curve.time[-1])
    whole, few = shape.planned - begin, len(curve) < BLOCKS
    for share, rest, gain in FLAT[-1:] if few else FLAT:
        since = last - share * whole
        if since > begin and left >= rest and _stands(level, since, gain * fall, shape.few):
            break
    else:
        return []
    if _validation_falls(curves, since, last):
        return []
    flat = int(np.argmax(level.value <= end + 0.05 * fall))
    length = (last - level.time[flat]) / whole
    return [
        Finding(
            "plateau",
            f"the loss fell from {figure(shape.start)} to {figure(level.value[flat])} by step {level.step[flat]:.0f} and has stood "
            f"there since: {figure(end)} at step {curve.step[-1]:.0f}, with {length:.0%} of the run in between",
            certainty(length, 0.4, 0.9),
            "More steps will not help: halve the learning rate once (plateau schedule, factor 0.5 after 5 validations); if "
            "that changes nothing look at the data and the start of new vocabulary rows, or raise the rate 3 times from "
            "the last good checkpoint",
        )
    ]


def _stands(level: Levels, since: float, most: float, few: bool) -> bool:
    """Whether the levels since a time fall by less than `most`, the doubt that noise leaves included."""
    # The scatter of the levels themselves, and no less than what noise from point to point leaves in them.
    late = level.time >= since
    value, size = level.value[late], max(1, int(late.sum()) // 3)
    if len(value) < 3:
        return False
    gain = float(np.mean(value[:size]) - np.mean(value[-size:]))
    scatter = spread(value) if few else max(spread(value), 0.8 * float(np.median(level.error[late])))
    return gain < most and gain + scatter * (2 / size) ** 0.5 < DOUBT * most


def _validation_falls(curves: Curves, begin: float, end: float) -> bool:
    """Whether a validation set still improves while training stands: then the run does learn."""
    for one in curves.validation.values():
        known = one.finite
        known = known.only((known.time >= begin) & (known.time <= end))
        if len(known) >= 3 and known.value[-2:].mean() < 0.97 * known.value[0]:
            return True
    return False
