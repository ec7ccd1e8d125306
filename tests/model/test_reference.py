"""The model computes what the reference implementation computed on the same seeded weights (shared/golden)."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.generate import generate
from amharic_tts.model.indextts2_keys import COMPUTED, from_reference, our_layout, our_name
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.model.speech_lm import SpeechLM, targets

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")


def seeded(key: str, shape: list[int]) -> torch.Tensor:
    """The rule of golden/README.md that fills the reference's weights."""
    value = 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    return value + 1 if len(shape) == 1 and key.endswith((".weight", ".gamma")) else value


@pytest.fixture(scope="module")
def golden():
    return np.load(GOLDEN / "gpt_tiny.npz")


@pytest.fixture(scope="module")
def model():
    keys = json.loads((GOLDEN / "gpt_tiny_keys.json").read_text())
    sizes = {"dim": 64, "heads": 4, "blocks": 2, "zero_padding": False}  # recorded in a padded batch
    config = ModelConfig(
        text_rows=301, code_rows=130, dim=128, layers=3, heads=4, max_text=80, max_codes=200, conditioning_width=1024,
        conditioning=ConformerConfig(linear_units=128, **sizes),
        emotion=ConformerConfig(linear_units=96, latents=1, latent_dim=1024, **sizes),
    )  # fmt: skip
    model = SpeechLM(config).eval()
    state = from_reference({key: seeded(key, shape) for key, shape in keys.items()})
    model.load_state_dict(state, strict=True)
    return model


def close(ours: torch.Tensor, theirs: np.ndarray) -> None:
    theirs = torch.from_numpy(theirs)
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 2e-4 * theirs.abs().max()


def inputs(golden, i: int):
    prompt = torch.from_numpy(golden["semantic_features"])[i : i + 1]
    lengths = torch.from_numpy(golden["feature_lengths"])[i : i + 1]
    text = torch.from_numpy(golden[f"s{i}_text_ids"]).long().flatten()[None]
    codes = torch.from_numpy(golden[f"s{i}_codes"]).long().flatten()[None]
    return prompt, lengths, text, torch.tensor([text.size(1)]), codes, torch.tensor([codes.size(1)])


@torch.no_grad()
def test_conditioning(model, golden):
    prompt = torch.from_numpy(golden["semantic_features"])
    lengths = torch.from_numpy(golden["feature_lengths"])
    close(model.prompt_encoder.conditioning(prompt, lengths), golden["conditioning_latents"])
    close(model.prompt_encoder.emotion_vector(prompt, lengths), golden["emotion_vector"])


@torch.no_grad()
@pytest.mark.parametrize("i", [0, 1])
def test_logits_and_losses(model, golden, i):
    batch = inputs(golden, i)
    hidden, text_start, code_start = model.hidden(*batch)
    close(model.logits(model.text_head, hidden, text_start, batch[3] + 1)[0], golden[f"s{i}_text_logits"])
    close(model.logits(model.code_head, hidden, code_start, batch[5] + 1)[0], golden[f"s{i}_code_logits"])
    losses = model(*batch)
    assert losses.text / losses.text_targets == pytest.approx(float(golden[f"s{i}_text_loss"]), rel=2e-4)
    assert losses.codes / losses.code_targets == pytest.approx(float(golden[f"s{i}_code_loss"]), rel=2e-4)


def test_every_tensor_of_the_full_checkpoint_has_a_place():
    """665 keys of the real `gpt.pth` fill the default model exactly: 866 M parameters."""
    keys = json.loads((GOLDEN / "gpt_full_keys.json").read_text())
    assert len(keys) == 665
    with torch.device("meta"):
        ours = {name: list(value.shape) for name, value in SpeechLM(ModelConfig()).state_dict().items()}
        theirs = {
            our_name(k): list(our_layout(k, torch.empty(s)).shape) for k, s in keys.items() if not COMPUTED.match(k)
        }
    assert theirs == ours
    assert sum(np.prod(shape) for shape in ours.values()) == pytest.approx(866e6, rel=1e-3)


def test_targets_end_each_row_with_stop():
    ids = torch.tensor([[5, 6, 7], [8, 0, 0]])
    assert targets(ids, torch.tensor([3, 1]), 9).tolist() == [5, 6, 7, 9, 8, 9]


@pytest.mark.parametrize("i", [0, 1])
def test_greedy_codes(model, golden, i):
    prompt, lengths, text, text_lengths, *_ = inputs(golden, i)
    greedy = SamplingOptions(temperature=0, max_codes=40)
    [result] = generate(model, prompt, lengths, text, text_lengths, greedy)
    expected = golden[f"s{i}_greedy_codes"].flatten().tolist()
    assert result.codes.tolist() == [c for c in expected if c < model.config.start_code][:40]
