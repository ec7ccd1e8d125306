"""Adapters: what they train, what they leave alone, and that merged weights are the same model."""

import copy
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from amharic_tts.errors import InputError
from amharic_tts.model.generate import generate
from amharic_tts.model.lora import Lora, add_lora, base_name, is_adapter, merged
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.model.speech_lm import SpeechLM

LORA = Lora(rank=4, alpha=6.0)
FEED = "trunk.blocks.1.feed_up"


def trained_twin(model, batch, lora=LORA, steps=3):
    """A copy with adapters after a few steps of AdamW, with weight decay, on every parameter that trains."""
    twin = copy.deepcopy(model)
    add_lora(twin, lora, seed=7)
    twin.train()
    optimizer = torch.optim.AdamW([p for p in twin.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    for _ in range(steps):
        losses = twin(*batch)
        (losses.text + losses.codes).backward()
        optimizer.step()
        optimizer.zero_grad()
    return twin.eval()


def plain_model(config, state):
    model = SpeechLM(config)
    model.load_state_dict(state)
    return model.eval()


def all_logits(model, batch):
    hidden, *_ = model.hidden(*batch)
    return torch.cat([model.text_head(hidden), model.code_head(hidden)], -1)


@pytest.fixture
def twin(tiny_model, batch):
    return trained_twin(tiny_model, batch)


@torch.no_grad()
def test_adapters_change_nothing_at_the_start(tiny_model, batch):
    twin = copy.deepcopy(tiny_model)
    add_lora(twin, LORA, seed=0)
    assert torch.equal(all_logits(twin, batch), all_logits(tiny_model, batch))


def test_the_start_is_a_function_of_the_seed_alone(tiny_model):
    def adapters(seed, disturbance):
        twin = copy.deepcopy(tiny_model)
        torch.manual_seed(disturbance)
        before = torch.get_rng_state()
        add_lora(twin, LORA, seed)
        assert torch.equal(torch.get_rng_state(), before)  # nor does it disturb anything else that is random
        return torch.cat([p.flatten() for name, p in twin.named_parameters() if is_adapter(name)])

    assert torch.equal(adapters(1, 0), adapters(1, 5))
    assert not torch.equal(adapters(1, 0), adapters(2, 0))


def test_adapters_stand_on_the_projections_of_the_trunk_and_nowhere_else(tiny_model, tiny_config):
    before = set(tiny_model.state_dict())
    add_lora(tiny_model, LORA, seed=0)
    projections = ("attention.query_key_value", "attention.out", "feed_up", "feed_down")
    added = {
        f"trunk.blocks.{i}.{projection}.lora_{half}.default.weight"
        for i in range(tiny_config.layers)
        for projection in projections
        for half in "AB"
    }
    names = set(tiny_model.state_dict())
    assert {name for name in names if is_adapter(name)} == added
    assert {base_name(name) for name in names - added} == before


def test_an_adapter_has_no_name_in_a_plain_model():
    assert base_name(f"{FEED}.base_layer.bias") == f"{FEED}.bias"
    assert base_name("trunk.norm.weight") == "trunk.norm.weight"
    with pytest.raises(ValueError, match="half of an adapter"):
        base_name(f"{FEED}.lora_A.default.weight")


def test_the_trunk_is_frozen_and_the_rest_trains(tiny_model):
    tiny_model.requires_grad_(True)
    tiny_model.text_embedding.requires_grad_(False)
    tiny_model.prompt_encoder.conditioning.conformer.requires_grad_(False)
    add_lora(tiny_model, LORA, seed=0)
    for name, parameter in tiny_model.named_parameters():
        if name.startswith("prompt_encoder."):
            assert parameter.requires_grad == ("conformer" not in name), name
        else:
            assert parameter.requires_grad == (is_adapter(name) or not name.startswith("trunk.")), name


def test_the_trunk_stays_bit_identical_under_weight_decay_and_the_rest_learns(tiny_model, batch, twin):
    before = tiny_model.state_dict()
    for name, value in twin.state_dict().items():
        if is_adapter(name):
            assert value.abs().sum() > 0, name
        elif name.startswith("trunk."):
            assert torch.equal(value, before[base_name(name)]), name
        elif not name.startswith("prompt_encoder."):
            assert not torch.equal(value, before[name]), name


def test_recomputation_gives_adapters_the_same_gradient(tiny_model, batch):
    from torch.utils.checkpoint import checkpoint

    add_lora(tiny_model, replace(LORA, dropout=0.3), seed=0)
    twin = copy.deepcopy(tiny_model)
    twin.trunk.checkpoint = lambda block, x: checkpoint(block, x, use_reentrant=True)
    for model in (tiny_model, twin):
        torch.manual_seed(1)
        model.train()(*batch).codes.backward()
    for (name, ours), theirs in zip(tiny_model.named_parameters(), twin.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, theirs.grad)
        if ".lora_B." in name:
            assert ours.grad.abs().sum() > 0


@torch.no_grad()
def test_the_merged_model_is_the_adapted_model(tiny_config, tiny_model, batch, twin):
    plain = plain_model(tiny_config, merged(twin.state_dict(), LORA))
    wanted, found = all_logits(twin, batch), all_logits(plain, batch)
    assert (wanted - all_logits(tiny_model, batch)).abs().max() > 0.1  # training has moved something
    assert (found - wanted).abs().max() <= 1e-3 * wanted.abs().max()


@torch.no_grad()
def test_merging_is_that_of_peft(twin):
    from peft.tuners.lora import LoraLayer

    plain = merged(twin.state_dict(), LORA)
    count = 0
    for name, module in twin.named_modules():
        if isinstance(module, LoraLayer):
            module.merge()
            assert torch.equal(plain[f"{name}.weight"], module.base_layer.weight), name
            count += 1
    assert count == 8


@torch.no_grad()
def test_speaking_with_a_cache_is_the_same_with_adapters_and_merged(tiny_config, batch, twin):
    prompt, prompt_lengths, text, text_lengths, *_ = batch
    greedy = SamplingOptions(temperature=0, max_codes=20)
    adapted = generate(twin, prompt, prompt_lengths, text, text_lengths, greedy)
    plain = plain_model(tiny_config, merged(twin.state_dict(), LORA))
    for ours, theirs in zip(adapted, generate(plain, prompt, prompt_lengths, text, text_lengths, greedy), strict=True):
        assert torch.equal(ours.codes, theirs.codes)
        assert ours.codes.numel() > 0


def test_a_layer_without_an_adapter_is_handed_on(tiny_model, twin):
    state = {name: value for name, value in twin.state_dict().items() if not (is_adapter(name) and FEED in name)}
    found, base = merged(state, LORA), tiny_model.state_dict()
    assert torch.equal(found[f"{FEED}.weight"], base[f"{FEED}.weight"])
    assert not torch.equal(found["trunk.blocks.0.feed_up.weight"], base["trunk.blocks.0.feed_up.weight"])


def test_adapters_that_do_not_fit_are_refused(twin):
    state = twin.state_dict()
    a, b = f"{FEED}.lora_A.default.weight", f"{FEED}.lora_B.default.weight"

    def refused(changed, lora, message):
        with pytest.raises(InputError, match=message):
            merged(changed, lora)

    for half in (a, b):
        without = {name: value for name, value in state.items() if name != half}
        refused(without, LORA, rf"trunk.blocks.1.feed_up lacks lora_{half.split('.lora_')[1][0]}")
    elsewhere = {a.replace("blocks.1", "blocks.9"): state[a], b.replace("blocks.1", "blocks.9"): state[b]}
    refused(state | elsewhere, LORA, "blocks.9.feed_up, which the base does not have")
    refused(state, replace(LORA, rank=8), "rank 8")
    refused(state | {b: state[b][:-1]}, LORA, "feed_up is A")


def test_a_model_is_adapted_once(tiny_model):
    add_lora(tiny_model, LORA, seed=0)
    with pytest.raises(ValueError, match="already"):
        add_lora(tiny_model, LORA, seed=0)


def test_a_projection_that_peft_does_not_find_stops_everything(tiny_model):
    block = tiny_model.trunk.blocks[0]
    block.feed_in = block.feed_up
    del block.feed_up
    with pytest.raises(RuntimeError, match=r"blocks\.0\.feed_up"):
        add_lora(tiny_model, LORA, seed=0)


def test_settings_that_cannot_work_are_named():
    broken = Lora(rank=0, alpha=float("nan"), dropout=1.0)
    assert [p.split()[0] for p in broken.problems()] == ["lora.rank", "lora.alpha", "lora.dropout"]
    assert Lora().problems() == []


def test_who_trains_no_adapters_does_not_wait_for_peft():
    check = "import sys, amharic_tts.model.lora; sys.exit('peft' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
