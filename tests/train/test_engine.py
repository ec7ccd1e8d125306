"""The engine in one process, with the real DeepSpeed."""

import dataclasses
import json

import deepspeed
import pytest
import torch

from amharic_tts.data.load import Batch, StepData
from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.train.deepspeed_config import load_engine_config
from amharic_tts.train.ema import Ema, masters
from amharic_tts.train.engine import build_engine, release
from amharic_tts.train.loop import take_step
from amharic_tts.train.recipe import OptimizerSection, Recipe, RunSection
from amharic_tts.train.session import Course, Run, Session
from amharic_tts.train.trainable import parameter_counts, parameter_groups

SIZES = ModelConfig(
    text_rows=20, code_rows=18, dim=16, layers=1, heads=2, max_text=10, max_codes=20, conditioning_width=8,
    conditioning=ConformerConfig(dim=8, linear_units=8, heads=2, blocks=1, kernel=3, latents=2),
    emotion=None, generation_offset=0, dropout=0.0,
)  # fmt: skip


def session(device, tmp_path, machine) -> Session:
    own = {"amharic_tts": {"micro_batch_tokens": 999, "activation_checkpointing": True}}
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(machine | own))
    run = RunSection(directory=str(tmp_path), steps=10)
    recipe = Recipe(optimizer=OptimizerSection(learning_rate=1e-3), run=run)
    config = load_engine_config(path, recipe.optimizer)
    torch.manual_seed(0)
    engine = build_engine(SpeechLM(SIZES), recipe.all_phases[0], config, 10)
    engine.train()
    return Session(Run(recipe, [config], None, None, {}, Course(None, (10,)), device), 0, engine, {})


def step(value: float) -> StepData:
    """One row; its prompt holds `value`."""
    batch = Batch(
        text=torch.tensor([[5, 6]]), text_lengths=torch.tensor([2]), codes=torch.tensor([[1, 2, 3]]),
        code_lengths=torch.tensor([3]), prompt=torch.full((1, 6, 8), value), prompt_lengths=torch.tensor([6]),
        weight=torch.ones(1), uids=["a"], speakers=["s"],
    )  # fmt: skip
    return StepData(0, 0, 1, text_targets=3, code_targets=4, tokens=12, padded_tokens=12, microbatches=[batch])


@pytest.mark.parametrize(("stage", "offload"), [(1, False), (2, False), (2, True), (3, False), (3, True)])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_one_bad_step_is_skipped_and_the_next_is_healthy(device, tmp_path, precision, stage, offload):
    machine = {
        "zero_optimization": {"stage": stage} | ({"offload_optimizer": {"device": "cpu"}} if offload else {}),
        "optimizer": {"type": "AdamW", "params": {"torch_adam": True}},
        "zero_force_ds_cpu_optimizer": False,
    } | ({"bf16": {"enabled": True}} if precision == "bf16" else {})
    run = session(device, tmp_path, machine)
    figures = [take_step(run, step(value)) for value in (0.5, float("nan"), 0.5, 0.5)]
    assert [f["skipped"] for f in figures] == [0, 1, 0, 0]
    assert figures[1]["loss"] is None
    assert figures[3]["loss"] < figures[2]["loss"] < figures[0]["loss"]
    json.dumps(figures, allow_nan=False)


def test_the_json_turns_recomputation_on(device, tmp_path):
    run = session(device, tmp_path, {"zero_optimization": {"stage": 1}, "optimizer": {"params": {"torch_adam": True}}})
    assert run.model.trunk.checkpoint is deepspeed.checkpointing.checkpoint


def test_norms_biases_and_embeddings_do_not_decay():
    model = SpeechLM(SIZES)
    decaying, plain = parameter_groups(model, 0.3)
    assert (decaying["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    names = {id(p): name for name, p in model.named_parameters()}
    assert len(decaying["params"]) + len(plain["params"]) == len(names)
    kept = {names[id(p)] for p in plain["params"]}
    assert {f"prompt_encoder.conditioning.{name}" for name in (
        "perceiver.latents", "conformer.blocks.0.attention.content_bias", "conformer.norm.weight"
    )} <= kept  # fmt: skip
    assert {"text_embedding.weight", "code_position.weight", "norm.weight", "code_head.bias"} <= kept
    assert not kept & {"code_head.weight", "trunk.blocks.0.feed_up.weight"}
    assert dataclasses.asdict(OptimizerSection())["weight_decay"] == 0.01


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_nothing_of_an_engine_is_left_for_the_next_phase(device, tmp_path, stage, precision):
    """Neither its weights nor their float32 masters; and its average knows the masters of every kind of optimizer."""
    import gc
    import weakref

    machine = {"zero_optimization": {"stage": stage}, "optimizer": {"type": "AdamW", "params": {"torch_adam": True}}}
    run = session(device, tmp_path, machine | ({"bf16": {"enabled": True}} if precision == "bf16" else {}))
    run.ema = Ema(run.engine, 0.9)
    take_step(run, step(0.5))
    assert sum(part.numel() for part in run.ema.average) >= parameter_counts(run.model)["trainable"]
    left = [weakref.ref(run.model.trunk.blocks[0]), *(weakref.ref(part) for part in masters(run.engine))]
    release(run.engine)
    del run
    gc.collect()
    assert [ref() is None for ref in left] == [True] * len(left)
