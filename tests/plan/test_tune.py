"""Bisection of the token budget, and a trial in a process of its own."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from amharic_tts.errors import InputError
from amharic_tts.plan.job import make_job
from amharic_tts.plan.states import Machine
from amharic_tts.plan.trial import Measured, run_trial
from amharic_tts.plan.tune import GRAIN, bisect, tune, write_tuned
from amharic_tts.train.deepspeed_config import load_engine_config
from amharic_tts.train.recipe import load_recipe

RECIPE = """
model: {dim: 32, layers: 2, heads: 2, max_text: 200, max_codes: 1000, dropout: 0.0,
  conditioning: {dim: 16, linear_units: 32, heads: 2, blocks: 1, latents: 4}}
data: {step_tokens: 4096}
run: {steps: 4}
"""


@pytest.fixture(scope="module")
def job(project, tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "recipe.yaml"
    path.write_text(RECIPE)
    return make_job("t4", load_recipe(path), Machine(), project / "ds_configs" / "t4.json", hours=1, text_rows=60)


@pytest.mark.parametrize("largest_that_fits", [1536, 1537, 5000, 100_000])
def test_the_largest_budget_that_fits_is_found(largest_that_fits):
    tried = []

    def trial(budget: int):
        tried.append(budget)
        return Measured(budget, 1.0, budget, 1.0, "cpu", True) if budget <= largest_that_fits else None

    budget, measured = bisect(trial, 1536, 2**16)
    assert measured.peak == budget <= largest_that_fits
    assert budget + GRAIN > largest_that_fits or budget == 2**16
    assert len(tried) == len(set(tried)) <= 16


def test_nothing_is_found_where_the_longest_row_does_not_fit():
    assert bisect(lambda budget: None, 1536, 2**16) is None


def test_what_is_written_is_a_configuration_to_train_with(project, tmp_path, job):
    config = project / "ds_configs" / "t4.json"
    path = write_tuned(config, tmp_path / "tuned", "Tesla T4", 6144)
    assert path.name == "tesla-t4.json"
    tuned, given = (load_engine_config(p, job.recipe.all_phases[0].optimizer) for p in (path, config))
    assert tuned.deepspeed == given.deepspeed
    assert tuned.own == replace(given.own, micro_batch_tokens=6144)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU to tune on")
def test_without_a_gpu_tuning_is_refused_in_one_line(project, tmp_path, job):
    with pytest.raises(InputError, match=r"^--tune measures on a GPU, and this machine has none[^\n]*$"):
        tune(job, project / "ds_configs" / "t4.json", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_trial_trains_under_the_real_engine(project, job):
    if torch.cuda.is_available():
        pytest.skip("the trial would be one of the GPU's")
    measured = run_trial(job, project / "ds_configs" / "cpu.json", 1536)
    assert measured.device == "cpu"
    assert measured.finite
    assert measured.seconds > 0
    assert 0.9 * 2 * 1536 < measured.positions <= 2 * 1536


def test_a_trial_that_fails_says_why(job, tmp_path):
    path = Path(tmp_path) / "ds.json"
    path.write_text(json.dumps({"zero_optimization": {"stage": 0}, "amharic_tts": {"micro_batch_tokens": 1536}}))
    with pytest.raises(InputError, match=r"(?s)failed:.*stage must be 1, 2 or 3"):
        run_trial(job, path, 1536)
