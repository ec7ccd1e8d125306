"""Time and positions that the data wastes: `data_stall`."""

import numpy as np

from amharic_tts.diagnose.curves import Curves
from amharic_tts.diagnose.findings import Finding, certainty, figure

PADDING = 0.4
"""Share of padded positions. Planned batches have a few per cent; the demo's small ones up to a quarter."""
WAITING = 0.3
"""Share of a step's time spent waiting for data."""
SLOW = 0.25
"""Throughput beside the run's own median; a machine shared with others is not this slow."""
SLOW_SHARE = 0.1
"""Share of the steps that must be so slow."""
LEAST = 20
"""Steps of which a median is taken seriously."""


def data_stall(curves: Curves) -> list[Finding]:
    """Padding, waiting, or a throughput that breaks down, whichever weighs most."""
    found = [one for one in (_padding(curves), _waiting(curves), _throughput(curves)) if one]
    return [max(found, key=lambda one: one.confidence)] if found else []


def _padding(curves: Curves) -> Finding | None:
    share = curves.padding.finite
    if len(share) < LEAST or (usual := float(np.median(share.value))) < PADDING:
        return None
    return Finding(
        "data_stall",
        f"{usual:.0%} of all positions are padding (median of steps {share.step[0]:.0f} to {share.step[-1]:.0f})",
        certainty(usual, PADDING),
        "Raise micro_batch_tokens of the DeepSpeed JSON, or data.step_tokens of the recipe, so that rows of like length meet in "
        "a micro-batch; leave out the few longest rows",
    )


def _waiting(curves: Curves) -> Finding | None:
    share = curves.waiting.finite
    if len(share) < LEAST or (usual := float(np.median(share.value[-max(LEAST, len(share) // 5) :]))) < WAITING:
        return None
    return Finding(
        "data_stall",
        f"{usual:.0%} of the time up to step {share.step[-1]:.0f} is spent waiting for data",
        certainty(usual, WAITING),
        "Double data.threads of the recipe, and keep the shards on a local disk",
    )


def _throughput(curves: Curves) -> Finding | None:
    speed = curves.speed.finite
    if len(speed) < 2 * LEAST:
        return None
    speed = speed.only(np.arange(len(speed)) >= 5)  # the first steps compile and allocate
    usual = float(np.median(np.sort(speed.value)[len(speed) // 4 :]))
    slow = speed.value < SLOW * usual
    if slow.mean() < SLOW_SHARE:
        return None
    return Finding(
        "data_stall",
        f"{int(slow.sum())} of {len(speed)} steps ran at {figure(float(np.median(speed.value[slow])))} tokens per second beside "
        f"the usual {figure(usual)}, first at step {speed.step[slow][0]:.0f}, last at step {speed.step[slow][-1]:.0f}",
        min(0.8, certainty(float(slow.mean()), SLOW_SHARE)),
        "Look at what reads the shards' disk beside this run and at data.threads of the recipe; copy the shards to a local disk",
    )
