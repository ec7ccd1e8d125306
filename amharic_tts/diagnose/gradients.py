"""Gradients that explode, and a loss scale that falls to nothing."""

import numpy as np

from amharic_tts.diagnose.curves import Curves, Series
from amharic_tts.diagnose.findings import Finding, certainty, figure

ORDERS = 1.0
"""Powers of ten above the running median that are an explosion; a healthy norm varies by a factor of 2 to 4."""
TIMES = 3
"""Explosions before they count: one is a bad batch, and clipping is there for it."""
WINDOW = 100
"""Points of the running median, which looks back only: what comes later cannot make an explosion normal."""
FIRST = 20
"""Steps that a dynamic loss scale may take to come down from 2^16 to where it works."""
SKIPPED = 0.1
"""Share of skipped steps that is too many: a healthy dynamic scale skips one in a thousand or fewer."""
FLOOR = 32.0
"""A loss scale at which fp16 gradients underflow again; healthy runs work at 2^9 and above."""


def gradient_explosion(curves: Curves) -> list[Finding]:
    """The norm lies orders above its own past, again and again or for good, or the figures are not finite any more."""
    found = [one for one in (_orders(curves.grad_norm), _not_finite(curves)) if one]
    if not found:
        return []
    evidence, strength = max(found, key=lambda one: one[1])
    peak = float(curves.rate.value.max()) if len(curves.rate) else None
    lower = f"from {figure(peak)} to {figure(peak / 3)}" if peak else "to a third"
    return [
        Finding(
            "gradient_explosion",
            evidence,
            strength,
            f"Clip gradients harder (1.0 → 0.5, or 0.3 for all layers), lower the learning rate {lower}, double the warm-up; "
            "look for damaged or mislabelled rows in the steps named",
        )
    ]


def _orders(series: Series) -> tuple[str, float] | None:
    norm = series.finite.only(series.finite.value > 0)
    if len(norm) < 4:
        return None
    order = np.log10(norm.value)
    past = np.array([np.median(order[:i]) for i in range(1, min(WINDOW, len(order)))])
    if len(order) > WINDOW:
        past = np.append(past, np.median(np.lib.stride_tricks.sliding_window_view(order[:-1], WINDOW), axis=1))
    high = np.flatnonzero(order[1:] - past >= ORDERS) + 1
    # Late and for good: a running median gets used to it, the first two thirds of the run do not.
    begin, last = order[: max(1, len(order) * 2 // 3)], order[-max(2, len(order) // 20) :]
    grown = float(np.median(last) - np.median(begin))
    groups = int((np.diff(high) > 1).sum()) + 1 if len(high) else 0
    if groups < TIMES and len(high) < max(TIMES, len(order) // 50) and grown < ORDERS:
        return None
    top = int(np.argmax(order))
    usual = figure(10 ** float(np.median(order)))
    if groups >= TIMES or grown < ORDERS:
        steps = ", ".join(f"{norm.step[i]:.0f}" for i in high[:6]) + (" …" if len(high) > 6 else "")
        said = f"the gradient norm was ten times its running median and more at {len(high)} points (steps {steps})"
    else:
        said = f"the gradient norm ends {10**grown:.0f} times above where it was"
    return f"{said}; the largest {figure(norm.value[top])} at step {norm.step[top]:.0f}, usually {usual}", certainty(
        max(len(high) / TIMES, grown / ORDERS), 1.0
    )


def _not_finite(curves: Curves) -> tuple[str, float] | None:
    """Losses and norms that are not finite. A step that a loss scaler skipped is the loss scale's affair."""
    skipped = set(curves.skipped.time[curves.skipped.value > 0]) if len(curves.loss_scale) else set()
    worst = None
    for what, series in (("loss", curves.train), ("gradient norm", curves.grad_norm)):
        bad = [i for i in np.flatnonzero(~np.isfinite(series.value)) if series.time[i] not in skipped and i > 0]
        if len(bad) >= TIMES or (bad and bad[-1] == len(series) - 1 and what == "loss"):
            said = f"the {what} was not finite at {len(bad)} steps, first at step {series.step[bad[0]]:.0f}"
            worst = (said, 0.95) if worst is None else worst
    return worst


def loss_scale_collapse(curves: Curves) -> list[Finding]:
    """The loss scale has fallen to where it protects nothing, or steps are skipped one after the other."""
    scale, skipped = curves.loss_scale.finite, curves.skipped.finite
    found = None
    if len(scale) > FIRST:
        top, last = float(scale.value.max()), float(np.median(scale.value[-5:]))
        if last <= FLOOR and top >= 64 * last:
            found = (f"the loss scale fell from {top:.0f} to {figure(last)} at step {scale.step[-1]:.0f}", 0.9)
    if found is None and len(skipped) > FIRST:
        late = skipped.value[FIRST:] > 0
        recent = late[-max(FIRST, len(late) // 5) :]
        share, row = float(recent.mean()), _longest(late)
        if (share >= SKIPPED and recent.sum() >= TIMES) or row >= TIMES:
            said = f"{int(late.sum())} of {len(late)} steps were skipped, {row} in a row, the last at step "
            found = (said + f"{skipped.step[FIRST:][late][-1]:.0f}", certainty(max(share / SKIPPED, row / TIMES), 1.0))
    if found is None:
        return []
    return [
        Finding(
            "loss_scale_collapse",
            *found,
            "Train in bf16 where the GPU has it (compute capability 8.0 and above); in fp16 halve the learning rate, double the "
            "warm-up, and look at the rows of the skipped steps for what is not finite",
        )
    ]


def _longest(flags: np.ndarray) -> int:
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best
