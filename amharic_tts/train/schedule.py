"""Learning rate as a share of its peak, by optimizer step."""

import math

from amharic_tts.train.recipe import ScheduleSection


def learning_rate_share(step: int, total: int, schedule: ScheduleSection) -> float:
    """Share of the peak rate for optimizer step `step` (0 = the first) of a run of `total` steps.

    Warm-up rises from 1/(warmup+1), never from zero: the first step is not lost.
    """
    if step < schedule.warmup_steps:
        return (step + 1) / (schedule.warmup_steps + 1)
    done = min(1.0, (step - schedule.warmup_steps) / max(1, total - 1 - schedule.warmup_steps))
    if schedule.kind == "constant":
        return 1.0
    fall = 1 - done if schedule.kind == "linear" else (1 + math.cos(math.pi * done)) / 2
    return schedule.final_share + (1 - schedule.final_share) * fall
