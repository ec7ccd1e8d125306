import copy

import pytest
import torch

from amharic_tts.model.config import ConformerConfig, ModelConfig


def row(batch, i):
    """Row i alone, without padding."""
    prompt, pl, text, tl, codes, cl = batch
    return (
        prompt[i : i + 1, : pl[i]], pl[i : i + 1], text[i : i + 1, : tl[i]], tl[i : i + 1],
        codes[i : i + 1, : cl[i]], cl[i : i + 1],
    )  # fmt: skip


@torch.no_grad()
def test_a_batch_is_the_sum_of_its_rows(tiny_model, batch):
    """Padding and neighbours change nothing: sums over a mixed-length batch equal the sums over single rows."""
    whole = tiny_model(*batch)
    single = [tiny_model(*row(batch, i)) for i in range(3)]
    for name in ("text", "codes", "text_targets", "code_targets", "codes_correct"):
        assert getattr(whole, name) == pytest.approx(sum(float(getattr(s, name)) for s in single), rel=1e-5)


@torch.no_grad()
def test_a_row_of_weight_zero_counts_nowhere(tiny_model, batch):
    whole = tiny_model(*batch, weight=torch.tensor([1.0, 0.0, 1.0]))
    kept = [tiny_model(*row(batch, i)) for i in (0, 2)]
    for name in ("text", "codes", "text_targets", "code_targets", "codes_correct"):
        assert getattr(whole, name) == pytest.approx(sum(float(getattr(k, name)) for k in kept), rel=1e-5)


@torch.no_grad()
def test_a_batch_of_nothing_has_no_loss_and_no_nan(tiny_model):
    empty = torch.zeros(1, 0, dtype=torch.long)
    zero = torch.zeros(1, dtype=torch.long)
    losses = tiny_model(torch.zeros(1, 1, 16), zero + 1, empty, zero, empty, zero, weight=torch.zeros(1))
    assert float(losses.text) == float(losses.codes) == float(losses.text_targets) == 0


def test_no_position_sees_what_comes_after_it(tiny_model, batch):
    """Changing code k changes no logit before it, and the first one after it."""
    with torch.no_grad():
        hidden, _, start = tiny_model.hidden(*batch)
        changed = list(batch)
        changed[4] = batch[4].clone()
        changed[4][0, 10] = (changed[4][0, 10] + 1) % 32
        other, *_ = tiny_model.hidden(*changed)
    place = int(start[0]) + 11  # `start` stands before code 0
    assert torch.equal(hidden[0, :place], other[0, :place])
    assert not torch.allclose(hidden[0, place], other[0, place])


def test_speech_hears_its_prompt_and_its_text(tiny_model, batch):
    """The gradient of the code loss reaches the prompt's frames, both encoders and the text embedding."""
    prompt = batch[0].clone().requires_grad_()
    tiny_model(prompt, *batch[1:]).codes.backward()
    assert prompt.grad.abs().sum() > 0
    assert tiny_model.text_embedding.weight.grad.abs().sum() > 0
    assert tiny_model.prompt_encoder.conditioning.conformer.embed.conv.weight.grad.abs().sum() > 0


def test_recomputed_activations_change_nothing(tiny_model, batch):
    from torch.utils.checkpoint import checkpoint

    twin = copy.deepcopy(tiny_model).train()
    tiny_model.train()(*batch).codes.backward()
    calls = []
    twin.trunk.checkpoint = lambda block, x: calls.append(block) or checkpoint(block, x, use_reentrant=False)
    twin(*batch).codes.backward()
    assert calls == list(twin.trunk.blocks)
    for ours, theirs in zip(tiny_model.parameters(), twin.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, theirs.grad)


def test_sizes_that_cannot_work_are_named():
    broken = ModelConfig(dim=100, heads=3, emotion=None, conditioning=ConformerConfig(dim=10, heads=4))
    assert [p.split()[0] for p in broken.problems()] == ["model.dim", "model.conditioning.dim"]
    assert ModelConfig().problems() == []


def test_sizes_survive_being_written_down():
    assert ModelConfig.from_dict(ModelConfig().to_dict()) == ModelConfig()
