"""What is a sickness and what is not, one law at a time."""

import dataclasses
import math

import numpy as np
import pytest
from diagnose.tables import curves, names

from amharic_tts.diagnose.curves import Curves, curves_of_events
from amharic_tts.diagnose.diagnose import diagnose

N = 300
X = np.linspace(0.0, 1.0, N)


def noise(seed: int = 0, size: float = 0.02, n: int = N) -> np.ndarray:
    return 1 + size * np.random.default_rng(seed).standard_normal(n)


def decay(constants: float = 4.0, start: float = 6.0, floor: float = 1.5, n: int = N) -> np.ndarray:
    return floor + (start - floor) * np.exp(-constants * np.linspace(0, 1, n))


def found(events: list[dict]) -> set[str]:
    return {finding.name for one in curves_of_events(events) for finding in diagnose(one)}


@pytest.mark.parametrize("scale", [0.01, 1.0, 40.0])
def test_the_scale_of_a_loss_decides_nothing(scale):
    sick = {
        "lr_too_low": 4.5 * (1 - 0.15 * X),
        "nothing_learned": np.full(N, 4.5),
        "plateau": 3.0 + 1.5 * np.exp(-30 * X),
    }
    for name, level in sick.items():
        assert names(train=(scale * level * noise()).tolist()) == {name}
    assert names(train=(scale * decay() * noise()).tolist()) == set()


def test_a_run_that_converges_low_is_no_plateau():
    assert names(train=(decay(10, 6.0, 1.5) * noise()).tolist()) == set()


def test_the_end_of_a_cosine_schedule_is_flat_by_design():
    """The loss moves as the rate does: it stands in the last third because the rate has gone."""
    rate = 2e-5 * (1 + np.cos(np.pi * X)) / 2
    learned = np.cumsum(rate) / rate.sum()
    loss = 3.0 + 1.5 * (1 - learned) ** 2
    assert names(train=(loss * noise()).tolist(), lr=rate.tolist()) == set()


def test_training_that_stands_while_validation_falls_is_no_plateau():
    train = (3.0 + 1.5 * np.exp(-30 * X)) * noise()
    validation = [4.0 - x if i % 20 == 0 else None for i, x in enumerate(X)]
    assert names(train=train.tolist(), validation=validation) == set()


def test_an_unlearned_loss_at_a_tiny_rate_names_the_rate_too():
    flat = (np.full(N, 4.5) * noise()).tolist()
    assert names(train=flat, lr=[1e-7] * N) == {"nothing_learned", "lr_too_low"}
    assert names(train=flat, lr=[2e-5] * N) == {"nothing_learned"}


def test_a_rate_far_below_the_usual_one_is_convicted_by_a_loss_that_is_still_high():
    """The demo's width of 256 usually takes 1.6e-3; a curve alone could be a fine-tuning that goes well."""
    table = {"train": (decay(3, 5.6, 3.0) * noise()).tolist()}
    low, right = (dataclasses.replace(curves(**table, lr=[lr] * N), usual_rate=1.6e-3) for lr in (4e-5, 2e-3))
    (finding,) = diagnose(low)
    assert finding.name == "lr_too_low"
    assert "from 4e-05 to 0.0016" in finding.advice
    assert diagnose(right) == diagnose(curves(**table, lr=[4e-5] * N)) == []
    learned = {"train": (decay(3, 5.6, 0.5) * noise()).tolist(), "lr": [4e-5] * N}
    assert diagnose(dataclasses.replace(curves(**learned), usual_rate=1.6e-3)) == []


def test_a_start_that_throws_the_weights_away():
    loss = np.where(X < 0.05, 5.6 * (1 + 8 * X), 5.3)
    assert "lr_too_high" in names(train=(loss * noise()).tolist())


def test_noise_in_warm_up_is_no_instability():
    wild = 1 + np.where(X < 0.08, 0.3, 0.02) * np.random.default_rng(3).standard_normal(N)
    rate = np.minimum(1, X / 0.1) * 5e-5
    assert names(train=(decay() * wild).tolist(), lr=rate.tolist()) == set()


def test_one_spike_recovers_and_six_are_instability():
    one, six = decay() * noise(), decay() * noise()
    one[150] *= 2.0
    six[60::40] *= 2.0
    assert names(train=one.tolist()) == set()
    assert names(train=six.tolist()) == {"unstable"}


def test_a_loss_that_turns_up_for_good():
    up = np.where(X < 0.5, decay(), decay()[N // 2] * (1 + 2 * (X - 0.5)))
    assert names(train=(up * noise()).tolist()) == {"lr_too_high", "unstable"}
    assert "lr_too_high" in names(train=(6.0 * (1 + X) * noise()).tolist())


def test_a_scatter_that_grows_is_instability():
    grown = 1 + (0.02 + 0.2 * X**2) * np.random.default_rng(1).standard_normal(N)
    assert "unstable" in names(train=(decay() * grown).tolist())


def spiking(back: bool, gap: bool, height: float = 0.6) -> dict:
    loss = decay() * noise()
    loss[150:] *= 1 + height * np.exp(-np.arange(150) / 20)
    step = np.arange(1, N + 1)
    step[150:] += -5 if back else 100 if gap else 0
    return {"step": step.tolist(), "train": loss.tolist()}


def test_a_jump_that_comes_back_slowly_is_a_resume_and_surer_where_the_resume_is_seen():
    sure = []
    for back, gap in [(True, False), (False, True), (False, False)]:
        table = spiking(back, gap)
        assert names(**table) == {"spike_after_resume"}
        sure.append(diagnose(curves(**table))[0].confidence)
    assert sure[2] < min(sure[:2])
    # A small jump says something only where a resume is known.
    assert names(**spiking(True, False, 0.15)) == {"spike_after_resume"}
    assert names(**spiking(False, False, 0.15)) == set()


def test_a_resume_without_a_jump_is_nothing():
    step = np.arange(1, N + 1)
    step[150:] -= 5
    assert names(step=step.tolist(), train=(decay() * noise()).tolist()) == set()


def test_a_rate_that_warms_up_again_is_a_resume():
    rate = np.full(N, 2e-5)
    rate[150:200] *= np.linspace(0.02, 1, 50)
    table = spiking(False, False, 0.15)
    assert names(train=table["train"], lr=rate.tolist()) == {"spike_after_resume"}


def overfit(train: np.ndarray, turn: float = 0.4, rise: float = 0.3) -> dict:
    level = decay() * (1 + rise * np.clip((X - turn) / (1 - turn), 0, 1)) + 0.5 * np.clip(X - turn, 0, 1)
    return {"train": train.tolist(), "validation": [v if i % 15 == 0 else None for i, v in enumerate(level)]}


def test_overfitting_needs_validation_to_rise_while_training_falls():
    falls = decay() * noise()
    assert names(**overfit(falls)) == {"overfitting"}
    assert names(**(overfit(falls) | {"validation": [None] * N})) == set()
    assert "overfitting" not in names(**overfit(np.where(X < 0.4, falls, falls[120] * (1 + X))))
    last = overfit(falls, turn=2.0)
    last["validation"][285] *= 1.2  # one high point at the end is no trend
    assert names(**last) == set()


def test_a_set_of_a_strange_voice_may_part_while_another_still_falls():
    """The demo's own: a voice that training never heard 3.02, 3.27, 3.33, new texts 1.14, 0.80, 0.63."""
    events = [{"event": "train", "step": i + 1, "epoch": 0, "code_loss": v} for i, v in enumerate(decay() * noise())]
    for i, (strange, texts) in enumerate([(5.6, 5.6), (3.02, 1.14), (3.27, 0.80), (3.33, 0.63)]):
        events.append({"event": "validation", "step": 100 * i, "set": "held_out_speaker", "code_loss": strange})
        events.append({"event": "validation", "step": 100 * i, "set": "held_out_texts", "code_loss": texts})
    events.sort(key=lambda event: event["step"])
    assert found(events) == set()
    assert found([event for event in events if event.get("set") != "held_out_texts"]) == {"overfitting"}


def test_gradients_explode_again_and_again_or_for_good_or_are_not_finite():
    loss, calm = (decay() * noise()).tolist(), np.exp(0.3 * np.random.default_rng(2).standard_normal(N))
    again, grown, broken, once = (calm.copy() for _ in range(4))
    again[60::50] *= 200
    grown[150:] *= np.logspace(0, 3, 150)
    broken[200:210] = math.nan
    once[100] *= 500
    for norm in (again, grown, broken):
        assert names(train=loss, grad_norm=norm.tolist()) == {"gradient_explosion"}
    assert names(train=loss, grad_norm=once.tolist()) == set()
    # Norms of the first steps are large in every run.
    assert names(train=loss, grad_norm=(calm * (1 + 60 * np.exp(-80 * X))).tolist()) == set()


def scaled(scale: np.ndarray, skipped: np.ndarray) -> list[dict]:
    loss = decay() * noise()
    return [
        {"event": "train", "step": i + 1, "epoch": 0, "code_loss": float(loss[i]), "loss_scale": float(scale[i]),
         "skipped": int(skipped[i]), "grad_norm": None if skipped[i] else 1.0}
        for i in range(N)
    ]  # fmt: skip


def test_a_loss_scale_that_falls_to_nothing():
    start = 2.0 ** np.maximum(16 - np.arange(N), 12)
    skips = (np.arange(N) < 4) | (np.arange(N) == 200)  # how every fp16 run begins, and one overflow
    assert found(scaled(start, skips)) == set()
    falling = 2.0 ** np.maximum(16 - np.maximum(np.arange(N) - 200, 0) // 5, 0)
    assert found(scaled(falling, (np.arange(N) > 200) & (np.arange(N) % 5 == 0))) == {"loss_scale_collapse"}
    every_seventh = np.arange(N) % 7 == 0
    events = [
        {k: v for k, v in e.items() if k not in ("loss_scale", "grad_norm")} for e in scaled(start, every_seventh)
    ]
    assert found(events) == {"loss_scale_collapse"}


@pytest.mark.parametrize(
    ("figures", "stalls"),
    [
        ({"padding_share": 0.55}, True),
        ({"padding_share": 0.23}, False),
        ({"seconds": 2.0, "data_seconds": 1.2}, True),
        ({"seconds": 2.0, "data_seconds": 0.1}, False),
    ],
)
def test_padding_and_waiting(figures, stalls):
    loss = decay() * noise()
    events = [
        {"event": "train", "step": i + 1, "epoch": 0, "code_loss": float(v), **figures} for i, v in enumerate(loss)
    ]
    assert found(events) == ({"data_stall"} if stalls else set())


def test_a_throughput_that_breaks_down():
    def run(factor: float) -> set[str]:
        speed = 9000 * noise(5, 0.2)
        speed[200:260] *= factor
        loss = decay() * noise()
        rows = zip(loss.tolist(), speed.tolist())
        return found(
            [{"event": "train", "step": i + 1, "code_loss": v, "tokens_per_second": s} for i, (v, s) in enumerate(rows)]
        )

    assert run(0.1) == {"data_stall"}
    assert run(0.5) == set()  # another job on the machine


@pytest.mark.parametrize("values", [[], [4.0], [4.0, 3.0, 2.5], [4.0, math.nan, math.nan, 3.0]])
def test_too_little_says_nothing(values):
    assert diagnose(curves(train=values)) == [] if values else diagnose(Curves()) == []


def test_figures_of_zero_and_below_do_no_harm():
    for values in ([0.0] * 20, [-1.0 - 0.1 * i for i in range(20)], [1e-30] * 30):
        diagnose(curves(train=values, validation=values, lr=[0.0] * len(values), grad_norm=values))
