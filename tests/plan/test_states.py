"""The count of model states against every tensor that lives in the real engine, and against DeepSpeed's estimators."""

import gc
import json

import pytest
from plan.conftest import batch_of, sizes
from plan.live_bytes import LiveBytes

from amharic_tts.model.lora import Lora
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.plan.activations import activations
from amharic_tts.plan.shape import uniform
from amharic_tts.plan.states import Machine, Parameters, count_parameters, count_states, estimated
from amharic_tts.train.deepspeed_config import load_engine_config
from amharic_tts.train.engine import accumulate, build_engine, release
from amharic_tts.train.recipe import OptimizerSection, Phase, Recipe, RunSection, ScheduleSection, TrainableSection
from amharic_tts.train.trainable import choose_trainable

ROWS, TEXT, CODES = 2, 10, 60
BUCKET = 2e5  # elements; more than any tensor has, as gradients beyond it stay whole until the backward pass ends
TORCH_ADAM = {"optimizer": {"type": "AdamW", "params": {"torch_adam": True}}, "zero_force_ds_cpu_optimizer": False}
BF16 = {"bf16": {"enabled": True}}
OFFLOAD = {"offload_optimizer": {"device": "cpu", "pin_memory": False}}


def configuration(tmp_path, stage: int, precision: dict, zero: dict):
    block = {"stage": stage, "reduce_bucket_size": BUCKET, "allgather_bucket_size": BUCKET} | zero
    if stage == 3:
        block |= {"stage3_prefetch_bucket_size": 1e5, "stage3_param_persistence_threshold": 0}
    own = {"amharic_tts": {"micro_batch_tokens": 999, "activation_checkpointing": True}}
    path = tmp_path / "ds.json"
    path.write_text(json.dumps({"zero_optimization": block} | precision | TORCH_ADAM | own))
    return load_engine_config(path, OptimizerSection())


def lived(config, section: TrainableSection, tmp_path, stage: int, precision: dict, zero: dict) -> dict:
    """Bytes in a real engine after two steps: between steps, while gradients are summed, and the fullest moment of a
    micro-batch that comes on top of such sums."""
    engine_config = configuration(tmp_path, stage, precision, zero)
    phase = Phase("", section, OptimizerSection(), ScheduleSection(), None, 5)
    weights = Recipe(run=RunSection(steps=5)).loss
    with LiveBytes() as bytes_:
        model = SpeechLM(config)
        choose_trainable(model, section, 0, True, 0)
        engine = build_engine(model, phase, engine_config, 5)
        engine.train()
        batch = batch_of(config, ROWS, TEXT, CODES)
        before = sum(tensor.untyped_storage().nbytes() for tensor in batch)
        found = {}
        for _ in range(2):
            for _ in range(2):
                gc.collect()
                bytes_.peak = bytes_.live
                accumulate(engine, engine(*batch), 100, 100, weights)
            found["peak"] = bytes_.peak - before
            gc.collect()
            found["summed"] = bytes_.live - before
            engine.step()
            gc.collect()
            found["between"] = bytes_.live - before
    release(engine)
    return found | {"config": engine_config.deepspeed}


@pytest.mark.parametrize(
    ("stage", "precision", "zero"),
    [(1, BF16, {}), (2, BF16, {}), (2, {}, {}), (3, BF16, {}), (3, {}, {}), (2, BF16, OFFLOAD), (3, BF16, OFFLOAD)],
    ids=["1-bf16", "2-bf16", "2-fp32", "3-bf16", "3-fp32", "2-bf16-offload", "3-bf16-offload"],
)
def test_every_byte_of_the_engine_is_accounted_for(device, tmp_path, stage, precision, zero):
    config = sizes(dim=192, layers=6)
    found = lived(config, TrainableSection(), tmp_path, stage, precision, zero)
    parameters = count_parameters(config, TrainableSection(), True)
    states = count_states(found["config"], parameters, Machine(), False)
    # What is offloaded lies in the same memory here.
    assert states.resident + states.host == pytest.approx(found["summed"], rel=0.03)


@pytest.mark.parametrize(("precision", "size"), [(BF16, 2), ({}, 4)], ids=["bf16", "fp32"])
def test_states_and_activations_together_are_the_peak(device, tmp_path, precision, size):
    config = sizes(dim=192, layers=6)
    found = lived(config, TrainableSection(), tmp_path, 2, precision, {})
    states = count_states(found["config"], count_parameters(config, TrainableSection(), True), Machine(), False)
    on_cpu = {"mask": size, "statistic": size}
    moment = activations(config, uniform(config, ROWS, TEXT, CODES), size, True, **on_cpu)
    assert states.resident + states.buffers + moment.peak == pytest.approx(found["peak"], rel=0.05)


def test_adapters_leave_the_trunk_without_states(device, tmp_path):
    config, section = sizes(dim=192, layers=6), TrainableSection(what="lora", lora=Lora(rank=4))
    found = lived(config, section, tmp_path, 2, BF16, {})
    parameters = count_parameters(config, section, True)
    states = count_states(found["config"], parameters, Machine(), False)
    assert parameters.trainable < parameters.all / 2
    assert states.resident == pytest.approx(found["summed"], rel=0.03)


def test_parameters_are_those_of_the_model():
    config = sizes()
    model = SpeechLM(config)
    found = count_parameters(config, TrainableSection(), True)
    assert found.all == found.trainable == sum(p.numel() for p in model.parameters())
    assert found.largest == max(p.numel() for p in model.parameters())


WHOLE = Parameters(all=10**6, trainable=10**6, largest=10**4, block=10**5)


def states_of(zero: dict, machine: Machine):
    return count_states({"bf16": {"enabled": True}, "zero_optimization": zero}, WHOLE, machine, False)


def test_more_gpus_share_the_states():
    one, eight = (states_of({"stage": 2}, Machine(gpus=n)) for n in (1, 8))
    assert (one.optimizer, one.gradients) == (8 * eight.optimizer, 8 * eight.gradients)
    assert one.parameters == eight.parameters
    assert states_of({"stage": 3}, Machine(gpus=8)).parameters == one.parameters // 8


def test_a_nodes_own_copy_is_a_second_share():
    plain, within = (states_of({"stage": 3, "zero_hpz_partition_size": n}, Machine(8, 4)).parameters for n in (1, 8))
    assert within - plain == 2 * 10**6 / 8


def test_the_estimators_are_asked_and_count_what_this_trainer_does_not_hold():
    given = {"bf16": {"enabled": True}, "zero_optimization": {"stage": 2}}
    counted = count_states(given, WHOLE, Machine(), False).resident
    assert estimated(given, WHOLE, Machine())[0] == 20 * 10**6
    assert counted == 18 * 10**6  # no gradients in half precision: each bucket is reduced and gone
    away = {"bf16": {"enabled": True}, "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}}
    assert estimated(away, WHOLE, Machine()) == (2 * 10**6, 24 * 10**6)  # 16 and its margin of half
    states = count_states(away, WHOLE, Machine(), False)
    assert (states.resident, states.host) == (6 * 10**6, 18 * 10**6)  # sums of gradients stay on the GPU
