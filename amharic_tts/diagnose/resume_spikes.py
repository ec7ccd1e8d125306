"""A jump of the loss where a run was resumed: state that was lost, or rows in another order (PITFALLS 36 to 43)."""

from dataclasses import dataclass

import numpy as np

from amharic_tts.diagnose.curves import Curves, Series
from amharic_tts.diagnose.findings import Finding, certainty, figure
from amharic_tts.diagnose.levels import FEW, noise

JUMP = 0.05
"""Relative jump that counts where a resume is known, and a quarter of it where it is only guessed from the curve."""
GUESSED_JUMP = 0.2
AFTER = 3
BEFORE = 7
"""Points whose medians are compared."""
GAP = 5
"""A pause in the steps of so many times their usual distance may be a resume."""


@dataclass(frozen=True)
class Jump:
    """From level `before` to `after` at index `i` of the curve; back near `before` at index `back` (the end, where never)."""

    i: int
    back: int
    before: float
    after: float
    known: bool


def spike_after_resume(curves: Curves, found: list[Jump]) -> list[Finding]:
    """One finding for all jumps of the run, as `jumps` found them."""
    curve = curves.train.finite
    if not found:
        return []
    worst = max(found, key=lambda jump: jump.after / max(jump.before, 1e-12))
    rise = (worst.after - worst.before) / max(abs(worst.before), 1e-12)
    where = ", ".join(f"{curve.step[jump.i]:.0f}" for jump in found[:5])
    came = (
        f"and took until step {curve.step[worst.back]:.0f} to come back"
        if worst.back < len(curve) - 1
        else "and did not come back"
    )
    what = "a resume" if worst.known else "one point to the next (a resume is not logged there)"
    return [
        Finding(
            "spike_after_resume",
            f"at step {where} the loss jumped from {figure(worst.before)} to {figure(worst.after)} (+{rise:.0%}) from "
            f"{what} {came}".replace("from a resume", "after a resume"),
            certainty(rise, JUMP) if worst.known else min(0.7, certainty(rise, GUESSED_JUMP)),
            "Resume optimizer moments, schedule, random state and the place in the data together: check that the learning "
            "rate and the rows of the first step after the resume are those of a run that was never stopped; if the "
            "optimizer's state is lost, warm up again over 500 steps",
        )
    ]


def jumps(curves: Curves) -> list[Jump]:
    """Jumps at resumes that are logged or that steps and rate betray; else a single one that looks like it."""
    curve = curves.train.finite
    if len(curve) < FEW:
        return []
    sigma = noise(curve.value)
    known = [_at(curve, i, sigma, JUMP, known=True) for i in resume_points(curves, curve)]
    known = [jump for jump in known if jump]
    return known or _guessed(curve, sigma)


def resume_points(curves: Curves, curve: Series) -> list[int]:
    """Indices of the first points after a resume: where it is logged, after a gap in the steps, or where the learning rate
    falls at once and warms up again."""
    times = set(curves.resumes)
    distance = np.diff(curve.time)
    if len(distance):
        times |= set(curve.time[1:][distance >= GAP * np.median(distance)])
    times |= set(_warm_again(curves.rate))
    found = {int(np.searchsorted(curve.time, time)) for time in times}
    return sorted(i for i in found if AFTER <= i <= len(curve) - AFTER)


def _warm_again(rate: Series) -> list[float]:
    """Times at which the rate halves from one point to the next, and then rises for a while."""
    value, out = rate.value, []
    for i in range(1, len(value) - 2):
        ahead = value[i : i + max(3, len(value) // 10)]
        if value[i] < 0.5 * value[i - 1] and ahead.max() > 1.5 * value[i] and value[i + 1] >= value[i]:
            out.append(float(rate.time[i]))
    return out


def _at(curve: Series, i: int, sigma: float, least: float, known: bool) -> Jump | None:
    before = float(np.median(curve.value[max(0, i - BEFORE) : i]))
    after = float(np.median(curve.value[i : i + AFTER]))
    # The error of a difference of two medians of few points, and twice that again for noise that is not normal.
    error = 1.25 * sigma * abs(before) * (1 / AFTER + 1 / min(i, BEFORE)) ** 0.5
    if after - before < max(least * abs(before), 5 * error):
        return None
    high = curve.value > before + 0.3 * (after - before)
    # Back where three of the next five points are low again.
    low = np.convolve(~high[i:], np.ones(5), "valid")[: len(high) - i] >= 3
    back = i + int(np.argmax(low)) if low.any() else len(curve) - 1
    return Jump(i, back, before, after, known)


def _guessed(curve: Series, sigma: float) -> list[Jump]:
    """The one jump that is sharp, stays for a fiftieth of the run, falls back gradually and has no equal."""
    value = curve.value
    rise = value[BEFORE:] - value[BEFORE - 1 : -1]
    found = []
    for i in np.argsort(rise)[::-1][:4] + BEFORE:
        jump = _at(curve, int(i), sigma, GUESSED_JUMP, known=False)
        if jump is None or value[i] - value[i - 1] < 0.5 * (jump.after - jump.before) or i > len(value) - BEFORE:
            continue
        length = jump.back - jump.i
        if length < max(5, len(value) // 50) or jump.back >= len(value) - 1:
            continue
        elsewhere = np.delete(rise, np.s_[max(0, jump.i - BEFORE - 1) : jump.back - BEFORE + 1])
        if elsewhere.max(initial=0.0) > 0.5 * (jump.after - jump.before):
            continue
        stretch = value[jump.i : jump.back]
        if np.median(stretch[: length // 2]) > np.median(stretch[length // 2 :]):
            found.append(jump)
    apart = [jump for k, jump in enumerate(found) if all(not other.i <= jump.i <= other.back for other in found[:k])]
    return apart if len(apart) == 1 else []
