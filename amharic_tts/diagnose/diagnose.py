"""All rules on the curves of a run: what is found, the surest first; a healthy run has no finding."""

from amharic_tts.diagnose.curves import Curves
from amharic_tts.diagnose.data_flow import data_stall
from amharic_tts.diagnose.findings import Finding
from amharic_tts.diagnose.gradients import gradient_explosion, loss_scale_collapse
from amharic_tts.diagnose.overfitting import overfitting
from amharic_tts.diagnose.progress import lr_too_low, nothing_learned, plateau, rate_is_low
from amharic_tts.diagnose.resume_spikes import Jump, jumps, spike_after_resume
from amharic_tts.diagnose.shape import Shape, shape_of
from amharic_tts.diagnose.stability import lr_too_high, unstable


def diagnose(curves: Curves) -> list[Finding]:
    """Findings on one phase of a run, the surest first."""
    return sorted(findings_of_steps(curves) + findings_of_course(curves), key=lambda one: -one.confidence)


def findings_of_steps(curves: Curves) -> list[Finding]:
    """What single steps say; a recent stretch of a run is enough."""
    found = gradient_explosion(curves) + loss_scale_collapse(curves) + data_stall(curves)
    spikes = jumps(curves)
    shape = _shape(curves, spikes)
    return found + spike_after_resume(curves, spikes) + (unstable(shape) if shape else [])


def findings_of_course(curves: Curves) -> list[Finding]:
    """What the whole course of the losses says."""
    found, spikes = overfitting(curves), jumps(curves)
    shape = _shape(curves, spikes)
    if shape is None:
        return found
    if high := lr_too_high(shape):
        return found + high
    if nothing := nothing_learned(shape):
        # So little may come of a rate that is too low, but only the rate itself can say so.
        return found + nothing + (lr_too_low(shape) if rate_is_low(shape) else [])
    if spikes:  # the course has a hole in it: nothing can be said of its pace
        return found
    # Where validation has turned, training that stands is no plateau of its own.
    return found + (lr_too_low(shape) or ([] if found else plateau(curves, shape)))


def _shape(curves: Curves, spikes: list[Jump]) -> Shape | None:
    """The loss without the stretches that a resume explains: they are no instability of the run."""
    curve = curves.train.finite
    back = [jump for jump in spikes if jump.back < len(curve) - 1]
    return shape_of(curves, [(curve.time[jump.i], curve.time[max(jump.i, jump.back - 1)]) for jump in back])
