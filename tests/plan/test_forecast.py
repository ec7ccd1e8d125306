"""Forecasts of the shipped configurations, without data and without a base."""

import json
from dataclasses import replace

import pytest
from plan.conftest import sizes

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.model.weights import save_model
from amharic_tts.plan.activations import activations
from amharic_tts.plan.advice import advice, fits, with_budget, with_offload
from amharic_tts.plan.cards import CARDS, RUNS_ON, card_called, card_for
from amharic_tts.plan.forecast import CONTEXT, checkpoint_bytes, forecast, tokens
from amharic_tts.plan.job import make_job
from amharic_tts.plan.shape import Shape
from amharic_tts.plan.states import Machine, count_parameters, count_states
from amharic_tts.plan.table import memory_parts, table, values
from amharic_tts.plan.workload import of_hours, step_shapes
from amharic_tts.train.recipe import TrainableSection, load_recipe

GPUS = sorted((*CARDS, *RUNS_ON))


@pytest.fixture(scope="module")
def recipe(project):
    return load_recipe(project / "launch" / "recipes" / "full.yaml", ["base_folder=/nowhere"])


@pytest.fixture(scope="module")
def jobs(project, recipe):
    """Name of a GPU → job on ten hours of speech."""
    machines = {"a100_multinode": Machine(8, 2)}
    return {
        gpu: make_job(gpu, recipe, machines.get(gpu, Machine()), project / "ds_configs" / f"{gpu}.json", hours=10)
        for gpu in GPUS
    }


@pytest.mark.parametrize("gpu", GPUS)
def test_every_shipped_configuration_fits_its_card_in_the_precision_that_it_has(jobs, gpu):
    job = jobs[gpu]
    assert job.precision == job.card.half
    assert ("bf16" in job.card.peak) == (job.card.capability >= (8, 0))
    found = forecast(job)
    assert found.fits, table(found)
    assert fits(job, found)
    # Also where steps are large and every micro-batch fills the budget.
    budget = job.config.own.micro_batch_tokens
    large = replace(
        job, work=of_hours(10, replace(job.recipe, data=replace(job.recipe.data, step_tokens=10**6)), job.model)
    )
    full = forecast(large)
    assert full.fits
    assert full.shape.positions > 0.9 * budget


def test_the_goal_of_the_t4(project):
    """Full-layer training, 530 M parameters: 16 384 positions inside 15 GB without offload, inside 8 GB with it."""
    config = ModelConfig(stored_conditioning=True)
    parameters = count_parameters(config, TrainableSection(), True)
    assert parameters.trainable == pytest.approx(530e6, rel=0.01)
    given = json.loads((project / "ds_configs" / "t4.json").read_text())
    # Every position has code logits, as no real row has, and as many text logits as go with speech.
    shape = Shape(rows=16, longest=1024, text_targets=2000, code_targets=16384)
    moment = activations(config, shape, 2, recompute=True)
    totals = []
    for offload in ({}, {"offload_optimizer": {"device": "cpu"}}):
        zero = given["zero_optimization"] | offload
        states = count_states(given | {"zero_optimization": zero}, parameters, Machine(), False)
        totals.append(states.resident + states.buffers + moment.peak + CONTEXT)
    assert totals[0] < 15e9
    assert totals[1] < 8e9


def test_the_parts_add_up_and_are_printed(jobs):
    found = forecast(jobs["t4"], price=0.35)
    assert sum(memory_parts(found).values()) == pytest.approx(found.total)
    plain = json.loads(json.dumps(values(found)))
    assert sum(plain["memory"].values()) == pytest.approx(plain["total"], abs=10)
    assert plain["cost"] == pytest.approx(0.35 * plain["run_seconds"] / 3600)
    assert plain["steps"] == 8 * plain["steps_of_an_epoch"]
    text = table(found)
    for words in (
        "together",
        "DeepSpeed's estimate",
        "micro-batches",
        "35% of 65.0 TFLOP/s",
        "published sizes",
        "cost",
    ):
        assert words in text


def test_time_is_operations_over_the_assumed_speed(jobs):
    found, twice = (forecast(jobs["a100_80gb"], fraction) for fraction in (0.25, 0.5))
    assert found.step_seconds == pytest.approx(found.step_flops / (0.25 * 312e12))
    assert found.run_seconds == pytest.approx(2 * twice.run_seconds)


def test_advice_for_a_job_that_does_not_fit_makes_it_fit(jobs):
    job = jobs["t4"]
    large = with_budget(job, 131072)
    large = replace(large, recipe=replace(job.recipe, data=replace(job.recipe.data, step_tokens=200_000)))
    large = replace(large, work=of_hours(10, large.recipe, large.model))
    found = forecast(large)
    first, *ways = advice(found)
    assert not found.fits
    assert first.startswith("does not fit")
    budget = int(ways[0].split('"micro_batch_tokens": ')[1].split(":")[0])
    assert fits(with_budget(large, budget), found)
    assert not fits(with_budget(large, budget + 512), found)


def test_offload_moves_the_optimizer_to_the_host_and_takes_time(jobs):
    here, away = forecast(jobs["t4"]), forecast(with_offload(jobs["t4"]))
    assert here.total - away.total > 5e9
    assert (here.states.host, away.states.optimizer) == (0, 0)
    assert away.states.host > 9e9
    assert away.step_seconds > here.step_seconds


def test_a_smaller_budget_wastes_less_on_padding_and_is_advised(jobs):
    wide, narrow = (forecast(with_budget(jobs["t4"], budget)) for budget in (16384, 4096))
    assert wide.padding > narrow.padding
    assert any('"micro_batch_tokens": 4096 takes' in line for line in advice(wide))
    assert not any("less time" in line for line in advice(narrow))


def test_tokens_of_a_shape_are_the_positions_of_its_rows(jobs):
    job = jobs["t4"]
    rows = job.work.plan.step_set(0, 0)
    [[shapes], *_] = step_shapes(job.work, 1, 4096)
    assert sum(tokens(job.model, shape) for shape in shapes) == int(job.work.plan.lengths(rows).sum())


def test_a_checkpoint_is_as_large_as_predicted(jobs, tmp_path):
    config = sizes(dim=128, layers=2)
    model = SpeechLM(config)
    save_model(tmp_path, model.state_dict(), config)
    parameters = count_parameters(config, TrainableSection(), True)
    plain = (tmp_path / "model.safetensors").stat().st_size
    assert plain == pytest.approx(4 * parameters.all, rel=0.01)
    # The engine's state: weights in half precision, float32 masters, two moments.
    assert checkpoint_bytes(jobs["t4"], parameters) == pytest.approx(plain + 14 * parameters.all, rel=0.01)


@pytest.mark.parametrize(
    ("device", "memory", "gpu"),
    [
        ("Tesla T4", 15.8e9, "t4"), ("NVIDIA A100-SXM4-40GB", 42e9, "a100_40gb"), ("NVIDIA A100 80GB PCIe", 85e9, "a100_80gb"),
        ("Tesla V100-SXM2-32GB", 34e9, "v100_32gb"), ("NVIDIA GeForce RTX 4090", 25e9, "rtx4090"), ("NVIDIA H200", 150e9, "h200"),
        ("NVIDIA L40S", 48e9, None), ("NVIDIA L4", 23e9, "l4"),
    ],
)  # fmt: skip
def test_a_card_is_known_by_what_cuda_calls_it(device, memory, gpu):
    assert card_called(device, memory) == (CARDS[gpu] if gpu else None)


def test_what_does_not_go_together_is_refused(project, recipe):
    with pytest.raises(InputError, match=r"bf16, which a Tesla T4 has not: use ds_configs/t4\.json"):
        make_job("t4", recipe, Machine(), project / "ds_configs" / "a100_40gb.json", hours=1)
    with pytest.raises(InputError, match="zero_hpz_partition_size"):
        make_job("a100_multinode", recipe, Machine(4, 2), project / "ds_configs" / "a100_multinode.json", hours=1)
    with pytest.raises(InputError, match="no data sheet"):
        card_for("cpu")
    with pytest.raises(InputError, match="less than one utterance"):
        make_job("t4", recipe, Machine(), project / "ds_configs" / "t4.json", hours=0.001)
