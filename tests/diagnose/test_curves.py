"""Curves are what was logged: gaps, figures that are not finite, phases, and steps that were done again."""

import numpy as np

from amharic_tts.diagnose.curves import CurveWriter, curves_of_events


def train(step: int, **figures) -> dict:
    return {"event": "train", "step": step, "epoch": 0, **figures}


def test_the_loss_of_codes_is_compared_with_the_loss_of_codes():
    events = [
        train(1, loss=9.0, code_loss=4.0),
        {"event": "validation", "step": 1, "set": "new", "code_loss": 4.2, "loss": 8.0},
    ]
    (curves,) = curves_of_events(events)
    assert curves.train.value.tolist() == [4.0]
    assert curves.validation["new"].value.tolist() == [4.2]


def test_null_is_a_figure_that_is_not_finite_and_a_missing_key_is_a_gap():
    (curves,) = curves_of_events(
        [train(1, code_loss=4.0), train(2, code_loss=None, grad_norm=None), train(3, code_loss=3.0)]
    )
    assert np.isnan(curves.train.value).tolist() == [False, True, False]
    assert curves.train.finite.step.tolist() == [1, 3]
    assert curves.grad_norm.step.tolist() == [2]


def test_each_phase_has_its_own_curves():
    events = [{"event": "phase", "step": 0, "phase": "adapters"}, train(1, code_loss=4.0), train(2, code_loss=3.0)]
    events += [{"event": "phase", "step": 2, "phase": "all"}, train(3, code_loss=5.0)]
    first, second = curves_of_events(events)
    assert (first.name, first.train.value.tolist()) == ("adapters", [4.0, 3.0])
    assert (second.name, second.train.step.tolist()) == ("all", [3.0])


def test_time_goes_on_where_steps_are_done_again():
    writer = CurveWriter()
    for step, value in [(1, 4.0), (2, 3.0), (3, 2.0), (2, 3.1), (3, 2.1)]:
        writer.move(step)
        writer.put("train", value)
    curves = writer.curves()
    assert np.all(np.diff(curves.train.time) > 0)
    assert curves.train.step.tolist() == [1, 2, 3, 2, 3]
    assert curves.train.value.tolist() == [4.0, 3.0, 2.0, 3.1, 2.1]
    assert curves.resumes == (curves.train.time[3],)


def test_a_logged_resume_is_where_the_next_step_is():
    (curves,) = curves_of_events([train(1, code_loss=4.0), {"event": "resume", "step": 1}, train(2, code_loss=3.0)])
    assert curves.resumes == (2.0,)


def test_waiting_is_a_share_of_the_steps_time():
    (curves,) = curves_of_events([train(1, code_loss=4.0, seconds=2.0, data_seconds=0.5)])
    assert curves.waiting.value.tolist() == [0.25]
