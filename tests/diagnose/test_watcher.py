"""Watching a run: the same findings as afterwards, early, once an epoch, and with bounded memory."""

import json
from pathlib import Path

import numpy as np
import pytest
from diagnose import generated
from diagnose.tables import events

from amharic_tts.diagnose.usual_rate import usual_rate_from_nothing
from amharic_tts.diagnose.watcher import COURSE, RECENT, Watcher

DEMO = Path(__file__).parent / "demo_runs.json"
"""Recorded: launch/recipes/demo.yaml on the demo's data, its own learning rate (2e-3) and multiples of it."""

USUAL = usual_rate_from_nothing(256)


def watch(run: list[dict], planned: int | None, usual_rate: float | None = None) -> list[tuple[int, str]]:
    """(step, name) of everything that is said."""
    watcher, said = Watcher(planned, usual_rate), []
    for event in run:
        said += [(event["step"], finding.name) for finding in watcher.take(event)]
    return said


def demo(times: str) -> list[dict]:
    record = json.loads(DEMO.read_text())[times]
    run = [{"event": "train", "epoch": 0} | dict(zip(record["columns"], row)) for row in record["train"]]
    for name, rows in record["validation"].items():
        run += [{"event": "validation", "set": name, "step": step, "code_loss": loss} for step, loss in rows]
    return sorted(run, key=lambda event: event["step"])


def test_the_demo_is_healthy_all_along():
    assert watch(demo("1"), 320) == watch(demo("1"), 320, USUAL) == []


@pytest.mark.parametrize(("times", "name"), [("50", "lr_too_high"), ("0.02", "lr_too_low")])
def test_the_demo_at_a_wrong_rate_is_named_within_its_first_third(times, name):
    said = watch(demo(times), 320, USUAL)
    assert said
    assert said[0][1] == name
    assert said[0][0] <= 320 // 3


@pytest.mark.parametrize("seed", range(6))
def test_healthy_runs_are_silent(seed):
    assert watch(events(generated.healthy(np.random.default_rng([7, seed]), 400), epochs=3), 400) == []


SICK = ("lr_too_low", "lr_too_high", "unstable", "plateau", "overfitting", "nothing_learned", "gradient_explosion")


@pytest.mark.parametrize("name", SICK)
def test_a_sickness_is_named_before_the_end(name):
    maker, _, beside = generated.SICK[name]
    named = 0
    for seed in range(3):
        table = maker(np.random.default_rng([8, seed]), 400)
        if "train" in table:
            said = {one for _, one in watch(events(table), 400)}
            named += name in said
            assert said <= {name, *beside} | ({"lr_too_low"} if name == "nothing_learned" else set())
    assert named >= 2


def test_a_finding_is_said_once_an_epoch():
    table = {"train": (4.5 * (1 + 0.02 * np.random.default_rng(0).standard_normal(600))).tolist()}
    said = watch(events(table, epochs=3), 600)
    epochs = [(step - 1) // 200 for step, name in said if name == "nothing_learned"]
    assert epochs == sorted(set(epochs)) == [0, 1, 2]


def test_pace_needs_a_plan():
    table = {"train": (4.5 * (1 - 0.1 * np.linspace(0, 1, 400))).tolist()}
    assert watch(events(table), 400)
    assert watch(events(table), None) == []


def test_the_beginning_of_a_long_run_says_nothing_of_its_pace():
    table = {"train": (4.5 * (1 - 0.01 * np.linspace(0, 1, 400))).tolist()}
    assert watch(events(table), 4000) == []


def test_memory_is_bounded_and_a_late_sickness_is_still_seen():
    rng, n = np.random.default_rng(1), 6_000
    x = np.linspace(0, 1, n)
    loss = (1.5 + 4.5 * np.exp(-4 * x)) * (1 + 0.02 * rng.standard_normal(n))
    loss[5_200::120] *= 3
    watcher, said = Watcher(n), set()
    for event in events({"train": loss.tolist(), "validation": loss.tolist(), "grad_norm": [1.0] * n}):
        said |= {finding.name for finding in watcher.take(event)}
        for writer, most in ((watcher.course, 2 * COURSE + 1), (watcher.recent, RECENT + 1)):
            assert all(len(points) <= most for points in writer.points.values())
    assert said == {"unstable"}


def test_each_phase_begins_anew():
    rng = np.random.default_rng(2)
    first = events(
        {"train": (1.5 + 4.5 * np.exp(-4 * np.linspace(0, 1, 200)) * (1 + 0.02 * rng.standard_normal(200))).tolist()}
    )
    second = [{"event": "phase", "step": 200, "phase": "all"}]
    second += [event | {"step": event["step"] + 200, "code_loss": event["code_loss"] + 2.0} for event in first]
    assert watch(first + second, 400) == []
