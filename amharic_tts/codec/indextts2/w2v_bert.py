"""16 kHz waves → w2v-bert-2.0 features, standardised: what the semantic codec and the prompt encoders take.

The model (Seamless Communication 2023, https://arxiv.org/abs/2312.05187) is that of transformers; IndexTTS-2 uses the
state after layer 17 of 24, so 17 are built and loaded. Two filterbank frames of 10 ms make one feature frame of 20 ms.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import SeamlessM4TFeatureExtractor, Wav2Vec2BertConfig, Wav2Vec2BertModel

from amharic_tts.codec.indextts2.base_folder import (
    COMMAND,
    FEATURE_LAYER,
    FEATURES,
    STATISTICS,
    W2V_BERT,
    load_statistics,
)
from amharic_tts.codec.indextts2.weights import fill, read_tensors
from amharic_tts.errors import InputError

SAMPLE_RATE = 16_000
WINDOW, HOP = 400, 160  # samples of a filterbank frame, and from one to the next
STRIDE = 2  # filterbank frames in a feature frame

FILTERBANK = {
    "feature_extractor_type": "SeamlessM4TFeatureExtractor",
    "feature_size": 80,
    "num_mel_bins": 80,
    "sampling_rate": SAMPLE_RATE,
    "stride": STRIDE,
    "padding_side": "right",
}
"""What preprocessor_config.json must say."""

FIXED = (
    "model_type",
    "hidden_act",
    "layer_norm_eps",
    "feature_projection_input_dim",
    "position_embeddings_type",
    "left_max_position_embeddings",
    "right_max_position_embeddings",
    "conv_depthwise_kernel_size",
    "add_adapter",
)
"""Settings of config.json that must be those of w2v-bert-2.0, which are the defaults of transformers; the sizes of the
model are seen from its tensors."""

MOST = 2**16  # of any size in config.json


def frames_of(samples: int) -> int:
    """Feature frames of a wave: as many whole pairs of filterbank windows as fit into it."""
    return max(0, samples - WINDOW + HOP) // HOP // STRIDE


@dataclass(frozen=True)
class W2vBert:
    """The model up to the layer whose output is used, in evaluation mode, and what stands before and behind it."""

    model: Wav2Vec2BertModel
    filterbank: SeamlessM4TFeatureExtractor
    mean: Tensor
    """(1024,)"""
    deviation: Tensor
    """(1024,)"""

    @classmethod
    def load(cls, base: str | Path, device: str | torch.device = "cpu", layers: int = FEATURE_LAYER) -> "W2vBert":
        """From a base folder, float32. On the CPU the weights stay in the file and are shared by all processes that
        read it. Raises InputError when a file is missing, damaged or another model's."""
        base = Path(base)
        mean, variance = load_statistics(base / STATISTICS)
        filterbank = load_filterbank(base / W2V_BERT / "preprocessor_config.json")
        model = load_model(base / W2V_BERT, layers).to(device)
        return cls(model, filterbank, mean.to(device), variance.sqrt().to(device))

    @torch.no_grad()
    def features(self, waves: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Waves, each (samples,) at 16 kHz → standardised features (batch, time, 1024), float32, and how many of each
        row's frames are true, (batch,), int64; both on the model's device. The rest of a row is 0, and no row depends
        on another. Raises ValueError for a wave shorter than 35 ms, which has no frame."""
        for row, wave in enumerate(waves):
            if frames_of(len(wave)) == 0:
                raise ValueError(f"wave {row} has {len(wave)} samples: too few for one feature frame")
        heard = self.filterbank([wave.numpy() for wave in waves], sampling_rate=SAMPLE_RATE, return_tensors="pt")
        mask = heard["attention_mask"].to(self.mean.device)  # 1 where both filterbank frames of a pair are true
        lengths = mask.sum(1)
        hidden = self.model(heard["input_features"].to(self.mean.device), attention_mask=mask).last_hidden_state
        padding = mask[..., None] == 0
        return ((hidden - self.mean) / self.deviation).masked_fill(padding, 0.0), lengths


def load_filterbank(path: Path) -> SeamlessM4TFeatureExtractor:
    """The filterbank that preprocessor_config.json describes. Raises InputError for another one."""
    values = read_settings(path)
    for name, built in FILTERBANK.items():
        if values.get(name, built) != built:
            raise InputError(f"{path}: {name} must be {built!r}, not {values[name]!r}; `{COMMAND}` fetches a sound one")
    return SeamlessM4TFeatureExtractor(
        feature_size=80, num_mel_bins=80, sampling_rate=SAMPLE_RATE, stride=STRIDE, padding_side="right"
    )


def load_model(directory: Path, layers: int = FEATURE_LAYER) -> Wav2Vec2BertModel:
    """The first `layers` layers of the model in `directory` (config.json and model.safetensors): its output is
    `hidden_states[layers]` of the whole model. Every tensor of the file is loaded or known as one that is left out;
    raises InputError for any other, and when one is missing or has another shape."""
    config = model_config(directory / "config.json", layers)
    path = directory / "model.safetensors"
    with torch.device("meta"):  # nothing is allocated by the sizes in config.json
        model = Wav2Vec2BertModel(config)
    tensors, places = read_tensors(path), model.state_dict()
    # On meta tensors this only compares names and shapes.
    fill(model, tensors, {name: name for name in places}, left_out(layers), path)
    model.load_state_dict({name: tensors[name].float() for name in places}, assign=True)
    return model.eval().requires_grad_(False)


def model_config(path: Path, layers: int) -> Wav2Vec2BertConfig:
    """config.json, with `layers` layers. Raises InputError unless it describes a w2v-bert-2.0."""
    values = read_settings(path)
    published = Wav2Vec2BertConfig()
    wrong = [
        f"{name} must be {getattr(published, name)!r}, not {str(values[name])[:40]!r}"
        for name in FIXED
        if name in values and values[name] != getattr(published, name)
    ]
    if values.get("hidden_size", published.hidden_size) != FEATURES:
        wrong.append(f"hidden_size must be {FEATURES}, not {str(values['hidden_size'])[:40]!r}")
    sizes = {}
    for name in ("num_hidden_layers", "num_attention_heads", "intermediate_size"):
        sizes[name] = values.get(name, getattr(published, name))
        if type(sizes[name]) is not int or not 1 <= sizes[name] <= MOST:
            wrong.append(f"{name} must be 1…{MOST}, not {str(sizes[name])[:40]!r}")
    if not wrong and sizes["num_hidden_layers"] < layers:
        wrong.append(f"num_hidden_layers must be at least {layers}, not {sizes['num_hidden_layers']}")
    if not wrong and FEATURES % sizes["num_attention_heads"]:
        wrong.append(f"num_attention_heads must divide {FEATURES}, {sizes['num_attention_heads']} does not")
    if wrong:
        raise InputError(f"{path} is not of w2v-bert-2.0: {'; '.join(wrong)}; `{COMMAND}` fetches it")
    sizes["num_hidden_layers"] = layers
    # Masking belongs to its training; without it the model has no embedding for what is masked.
    return Wav2Vec2BertConfig(**sizes, hidden_size=FEATURES, mask_time_prob=0.0, apply_spec_augment=False)


def left_out(layers: int) -> re.Pattern:
    """Names of the published file's tensors that are not needed: later layers, and the embedding of masked frames."""
    kept = "|".join(map(str, range(layers)))
    return re.compile(rf"masked_spec_embed|encoder\.layers\.(?!(?:{kept})\.)\d+\..+")


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object. Raises InputError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}); `{COMMAND}` fetches a sound one") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is no JSON object; `{COMMAND}` fetches a sound one")
    return values
