"""What a run says of itself while it is at work."""

from dataclasses import replace

import numpy as np
import pytest

from amharic_tts.bases.scratch import Scratch
from amharic_tts.train.checkpoints import Progress, finish
from amharic_tts.train.monitors import read_events
from amharic_tts.train.recipe import MonitorSection, Recipe, RunSection, model_config
from amharic_tts.train.record import open_record
from amharic_tts.train.session import Run


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    (tmp_path / "run").mkdir()
    settings = RunSection(directory=str(tmp_path / "run"), steps=600)
    recipe = Recipe(run=settings, monitors=MonitorSection(tensorboard=False, wandb=False))
    return Run(recipe, [], None, Scratch(model_config(recipe.model)), {}, None, None)


def tell(run, losses, first=0, checkpoint=None):
    with open_record(run, checkpoint) as log:
        log({"event": "phase", "step": first, "phase": "", "last_step": 600}) if not first else None
        for step, loss in enumerate(losses[first:], first + 1):
            log(
                {
                    "event": "train",
                    "step": step,
                    "epoch": (step - 1) // 300,
                    "code_loss": float(loss),
                    "learning_rate": 1e-4,
                }
            )
    return read_events(run.folder / "metrics.jsonl")


def noisy(course):
    return course * (1 + 0.02 * np.random.default_rng(0).standard_normal(len(course)))


def test_a_run_that_learns_nothing_is_told_so_once_an_epoch_and_a_healthy_one_nothing(run, capsys):
    events = tell(run, noisy(np.full(600, 4.5)))
    found = [event for event in events if event["event"] == "finding"]
    assert {event["name"] for event in found} == {"nothing_learned"}
    assert [event["step"] > 300 for event in found] == [False, True]
    assert all(event["evidence"] and event["advice"] for event in found)
    assert capsys.readouterr().out.count("nothing_learned") == 2
    assert len([event for event in events if event["event"] == "train"]) == 600
    events = tell(run, noisy(1.5 + 4 * np.exp(-np.arange(600) / 80)))
    assert not [event for event in events if event["event"] == "finding"]


def test_a_run_that_goes_on_remembers_what_it_has_said(run, tmp_path):
    losses = noisy(np.full(600, 4.5))
    tell(run, losses[:250])
    staging = tmp_path / "run/checkpoints/.staging"
    staging.mkdir(parents=True)
    checkpoint = finish(staging, Progress(200, 0, 0, 200, {}, "t", 1))
    events = tell(run, losses, first=200, checkpoint=checkpoint)
    assert [event["step"] for event in events if event["event"] == "train"] == list(range(1, 601))
    steps = [event["step"] for event in events if event["event"] == "finding"]
    assert [step > 300 for step in steps] == [False, True]


def test_a_dashboard_that_fails_does_not_take_the_run_with_it(run, monkeypatch, capsys):
    class Broken:
        def __init__(self, *_): ...

        def log(self, event):
            raise BrokenPipeError("its process was killed")

        close = log

    monkeypatch.setattr("amharic_tts.train.record.TensorBoard", Broken)
    boards = MonitorSection(tensorboard=True, wandb=False)
    events = tell(replace(run, recipe=replace(run.recipe, monitors=boards)), noisy(np.full(20, 4.5)))
    assert [event["step"] for event in events if event["event"] == "train"] == list(range(1, 21))
    assert capsys.readouterr().out.count("Broken gave up") == 1
