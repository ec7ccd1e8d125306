"""What IndexTTS-2's state holds for given sizes, and the sizes that a state has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.conformer import sinusoid
from amharic_tts.model.indextts2_keys import reference_layout, reference_name
from amharic_tts.model.speech_lm import SpeechLM

POSITIONS = 5000
"""Rows of the sinusoid tables that the reference stores."""

Shapes = Mapping[str, tuple[int, ...]]


def reference_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The reference's key → shape of every tensor that is learned; nothing is allocated."""
    with torch.device("meta"):
        state = SpeechLM(config).state_dict()
    keys = {name: reference_name(name) for name in state}
    return {keys[name]: tuple(reference_layout(keys[name], value).shape) for name, value in state.items()}


def position_tables(config: ModelConfig) -> dict[str, Tensor]:
    """The sinusoid tables (1, 5000, dim) that the reference keeps in its state beside what is learned."""
    return {
        f"{prefix}conditioning_encoder.embed.pos_enc.pe": sinusoid(POSITIONS, part.dim, torch.device("cpu"))[None]
        for prefix, part in (("", config.conditioning), ("emo_", config.emotion))
        if part is not None
    }


def sizes_of(shapes: Shapes, like: ModelConfig) -> ModelConfig:
    """The sizes of reference tensors with these keys and shapes; `like` gives what they do not show, as the heads."""

    def axis(key: str, number: int, otherwise: int) -> int:
        shape = shapes.get(key, ())
        return shape[number] if number < len(shape) else otherwise

    def count(prefix: str) -> int:
        return len({key.removeprefix(prefix).split(".")[0] for key in shapes if key.startswith(prefix)})

    def part(prefix: str, like: ConformerConfig) -> ConformerConfig:
        layers = f"{prefix}conditioning_encoder.encoders."
        feed = f"{prefix}perceiver_encoder.layers.0.1.2.weight"  # (width, int(width · mult · 2/3))
        width, inner = axis(feed, 0, 0), axis(feed, 1, 0)
        return replace(
            like,
            dim=axis(f"{prefix}conditioning_encoder.after_norm.weight", 0, like.dim),
            linear_units=axis(f"{layers}0.feed_forward.w_1.weight", 0, like.linear_units),
            heads=axis(f"{layers}0.self_attn.pos_bias_u", 0, like.heads),
            blocks=count(layers),
            kernel=axis(f"{layers}0.conv_module.depthwise_conv.weight", 2, like.kernel),
            perceiver_mult=round(inner * 3 / (2 * width)) if width else like.perceiver_mult,
            latents=axis(f"{prefix}perceiver_encoder.latents", 0, like.latents),
        )

    return replace(
        like,
        text_rows=axis("text_embedding.weight", 0, like.text_rows),
        code_rows=axis("mel_embedding.weight", 0, like.code_rows),
        dim=axis("text_embedding.weight", 1, like.dim),
        layers=count("gpt.h."),
        max_text=axis("text_pos_embedding.emb.weight", 0, like.max_text + 2) - 2,
        max_codes=axis("mel_pos_embedding.emb.weight", 0, like.max_codes + 3) - 3,
        conditioning=part("", like.conditioning),
        emotion=part("emo_", like.emotion) if like.emotion else None,
    )


def differences(said: ModelConfig, found: ModelConfig) -> list[str]:
    """Sizes in which a config.yaml and its weights differ, in words."""
    ours, theirs = flat(said.to_dict()), flat(found.to_dict())
    return [
        f"{name} is {value} in config.yaml, {theirs[name]} in the weights"
        for name, value in ours.items()
        if theirs[name] != value
    ]


def flat(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{where}{name}.") if isinstance(value, Mapping) else {where + name: value}
    return found
