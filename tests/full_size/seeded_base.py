"""A whole base folder in the published file formats and at the published sizes, with seeded weights (8 GB).

Weights are normal with a deviation that keeps the scale of what passes through a layer, so that nothing overflows, codes
differ from frame to frame, and a generated wave can be heard.
"""

import json
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from full_size import published
from full_size.published import Shapes
from safetensors.torch import save_file
from text.base_models import base_model
from torch import Tensor

from amharic_tts.codec.indextts2.base_folder import (
    CAMPPLUS,
    CONFIG,
    EMOTIONS,
    FEATURES,
    GPT,
    LATENT,
    S2MEL,
    SEMANTIC_CODEC,
    SPEAKERS,
    STATISTICS,
    TOKENIZER,
    VOCODER,
    W2V_BERT,
)
from amharic_tts.codec.indextts2.campplus import STYLE
from amharic_tts.codec.indextts2.s2mel import keys as s2mel_keys
from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.vocoder import low_pass
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.indextts2_sizes import position_tables

PIECES = 12_000
EMOTION_ROWS = 73
LOUDNESS = 0.01  # the vocoder's last layer is given so much less: its waves then lie within -1…1, as speech does
LICENCE = "Seeded weights, for a test. Where the published folder has the bilibili Model Use License, this stands.\n"


def write_base(directory: Path) -> None:
    """Writes every file of a base folder; in no more memory than the largest, `gpt.pth`, takes (3.5 GB)."""
    for folder in (".", W2V_BERT, *(Path(file).parent for file in (SEMANTIC_CODEC, CAMPPLUS, VOCODER))):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    write_texts(directory)
    torch.save(language_model(), directory / GPT)
    torch.save(s2mel(), directory / S2MEL)
    save_file(seeded(published.w2v_bert()), directory / W2V_BERT / "model.safetensors", {"format": "pt"})
    save_file(seeded(published.semantic_codec_file()), directory / SEMANTIC_CODEC, {"format": "pt"})
    torch.save(seeded(published.campplus_file()), directory / CAMPPLUS)
    torch.save({"generator": vocoder()}, directory / VOCODER)
    torch.save(
        {"mean": 0.1 * normal("mean", (FEATURES,)), "var": normal("var", (FEATURES,)).abs() + 0.5},
        directory / STATISTICS,
    )
    torch.save(normal("speakers", (EMOTION_ROWS, STYLE)), directory / SPEAKERS)
    torch.save(normal("emotions", (EMOTION_ROWS, LATENT)), directory / EMOTIONS)


def write_texts(directory: Path) -> None:
    """What holds no tensors."""
    (directory / TOKENIZER).write_bytes(base_model(PIECES))
    (directory / CONFIG).write_text(yaml.safe_dump(published.settings(), sort_keys=False), encoding="utf-8")
    (directory / "LICENSE.txt").write_text(LICENCE, encoding="utf-8")
    for name, values in {
        "config.json": published.W2V_BERT_CONFIG,
        "preprocessor_config.json": published.PREPROCESSOR_CONFIG,
    }.items():
        (directory / W2V_BERT / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def language_model() -> dict[str, Tensor]:
    """What `gpt.pth` holds."""
    tables = position_tables(ModelConfig())
    return seeded({key: shape for key, shape in published.gpt().items() if key not in tables}) | tables


def s2mel() -> dict[str, Any]:
    """What `s2mel.pth` holds: the networks, and the state of the training that made them, two thirds of the file."""
    config = S2MelConfig()
    shapes, trained = published.s2mel_file(), s2mel_keys.names(config)
    state = seeded(shapes)
    state[f"{s2mel_keys.ESTIMATOR}.input_pos"] = torch.arange(16384)
    for name in ("t_embedder", "t_embedder2"):
        state[f"{s2mel_keys.ESTIMATOR}.{name}.freqs"] = torch.exp(-math.log(10_000) * torch.arange(128) / 128)
    net = {part: of_part(state, part) for part in s2mel_keys.PARTS}
    with_gradient = [key for key in shapes if key.removesuffix("_g").removesuffix("_v") in trained]
    optimizer = [
        (part, adam({key: state[f"{part}.{key}"] for key in of_part(dict.fromkeys(with_gradient), part)}))
        for part in s2mel_keys.PARTS
    ]
    return {"net": net, "optimizer": optimizer, "scheduler": [], "iters": 2, "epoch": 0}


def of_part(state: dict[str, Any], part: str) -> dict[str, Any]:
    """The entries of one part, without its name."""
    return {key.removeprefix(f"{part}."): value for key, value in state.items() if key.startswith(f"{part}.")}


def adam(parameters: dict[str, Tensor]) -> dict[str, Any]:
    """An optimizer's state of these parameters."""
    moments = {
        i: {"step": torch.tensor(2.0), "exp_avg": torch.zeros_like(value), "exp_avg_sq": torch.zeros_like(value)}
        for i, value in enumerate(parameters.values())
    }
    return {"state": moments, "param_groups": [{"lr": 1e-5, "betas": (0.9, 0.98), "params": list(moments)}]}


def vocoder() -> dict[str, Tensor]:
    """The generator, its filters the real ones: they are compared when it is loaded."""
    state = seeded(published.vocoder_file())
    state["conv_post.weight_g"] *= LOUDNESS
    return {key: low_pass().reshape(value.shape) if key.endswith(".filter") else value for key, value in state.items()}


def seeded(shapes: Shapes) -> dict[str, Tensor]:
    """A tensor for each key."""
    return {key: rule(key)(key, shape) for key, shape in shapes.items()}


def rule(key: str) -> Callable[[str, tuple[int, ...]], Tensor]:
    """How the tensor of a key is filled."""
    if key.endswith("num_batches_tracked"):
        return lambda key, shape: torch.tensor(2)
    if key.endswith("running_var"):
        return lambda key, shape: normal(key, shape, 0.05).abs() + 1
    return gain_or_weight


def gain_or_weight(key: str, shape: tuple[int, ...]) -> Tensor:
    """Gains and lengths of a weight norm lie around 1, biases around 0; a weight keeps the scale of its input."""
    if key.endswith("weight_g") or (len(shape) == 1 and key.endswith((".weight", ".gamma"))):
        return normal(key, shape, 0.05) + 1
    if len(shape) == 1:
        return normal(key, shape, 0.02)
    return normal(key, shape, math.prod(shape[1:]) ** -0.5)


def normal(key: str, shape: tuple[int, ...], deviation: float = 1.0) -> Tensor:
    """Normal numbers that depend on the key alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    return torch.empty(shape).normal_(std=deviation, generator=generator)
