"""Low-rank adapters on the trunk's projections (Hu et al. 2021), put in by `peft` and merged into plain weights again.

Each of a block's four projections computes Wx + (alpha / rank)·BAx, where A and B train and W does not. Embeddings,
position tables, heads and the last norm train fully, as a new vocabulary needs it. What leaves training is merged: a
plain SpeechLM without any trace of peft.
"""

import math
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from amharic_tts.errors import InputError
from amharic_tts.model.speech_lm import SpeechLM

PROJECTIONS = ("attention.query_key_value", "attention.out", "feed_up", "feed_down")
"""The modules of a block that get an adapter."""

LAYER = rf"blocks\.\d+\.({'|'.join(map(re.escape, PROJECTIONS))})"
ADAPTER = re.compile(rf"(?P<layer>trunk\.{LAYER})\.lora_(?P<half>[AB])\.default\.weight")
BASE = re.compile(rf"(?P<layer>trunk\.{LAYER})\.base_layer\.(?P<kind>weight|bias)")


@dataclass(frozen=True)
class Lora:
    """Sizes of the adapters."""

    rank: int = 16
    alpha: float = 16.0
    """The adapters' product is scaled by alpha / rank."""
    dropout: float = 0.0
    """On what the adapters read, while training."""

    def problems(self) -> list[str]:
        """What makes these settings unusable, in words; empty when they are sound."""
        found = []
        if self.rank < 1:
            found.append(f"lora.rank must be at least 1, not {self.rank}")
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            found.append(f"lora.alpha must be above 0, not {self.alpha}")
        if not 0 <= self.dropout < 1:
            found.append(f"lora.dropout must be in [0, 1), not {self.dropout}")
        return found


def add_lora(model: SpeechLM, lora: Lora, seed: int) -> None:
    """Puts adapters on the trunk's projections, in place, and freezes everything else of the trunk.

    Afterwards embeddings, position tables, heads and the last norm train; a prompt encoder is left as it was. A is
    random and depends on `seed` and the sizes only; B is zero, so that the model computes what it did before.
    """
    # peft brings transformers along, which takes seconds: only who trains adapters waits for it.
    from peft import LoraConfig, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

    if any(isinstance(module, LoraLayer) for module in model.modules()):
        raise ValueError("the model has adapters already")
    sizes = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=LAYER, bias="none")
    # peft draws on the CPU, whatever the model's device, and from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        inject_adapter_in_model(sizes, model.trunk)
    adapted = {name for name, module in model.trunk.named_modules() if isinstance(module, LoraLayer)}
    wanted = {f"blocks.{i}.{projection}" for i in range(len(model.trunk.blocks)) for projection in PROJECTIONS}
    if adapted != wanted:
        raise RuntimeError(f"peft put adapters on {sorted(adapted)}, wanted {sorted(wanted)}")
    for name, parameter in model.named_parameters():
        if name.startswith("trunk."):
            parameter.requires_grad_(is_adapter(name))
        elif not name.startswith("prompt_encoder."):
            parameter.requires_grad_(True)


def is_adapter(name: str) -> bool:
    """A parameter of this name is half of an adapter."""
    return ADAPTER.fullmatch(name) is not None


def base_name(name: str) -> str:
    """The name in a plain SpeechLM of a parameter of an adapted one. An adapter has none there: ValueError."""
    if is_adapter(name):
        raise ValueError(f"{name} is half of an adapter; a plain model has no such tensor")
    match = BASE.fullmatch(name)
    return f"{match['layer']}.{match['kind']}" if match else name


def merged(state: dict[str, Tensor], lora: Lora) -> dict[str, Tensor]:
    """The state of an adapted model, float32 on the CPU, as that of a plain one: W + (alpha / rank)·BA.

    Tensors without an adapter are handed on, not copied. Raises InputError when an adapter does not fit its layer.
    """
    plain = {base_name(name): value for name, value in state.items() if not is_adapter(name)}
    halves: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        if match := ADAPTER.fullmatch(name):
            halves.setdefault(match["layer"], {})[match["half"]] = value
    for layer, pair in halves.items():
        weight = plain.get(f"{layer}.weight")
        require_fits(layer, pair, weight, lora.rank)
        plain[f"{layer}.weight"] = weight + (pair["B"].float() @ pair["A"].float()) * (lora.alpha / lora.rank)
    return plain


def require_fits(layer: str, pair: dict[str, Tensor], weight: Tensor | None, rank: int) -> None:
    """Raises InputError unless `pair` is the two halves, A (rank, in) and B (out, rank), for `weight` (out, in)."""
    if weight is None:
        raise InputError(f"adapter for {layer}, which the base does not have: give the base that it was trained on")
    if missing := {"A", "B"} - pair.keys():
        raise InputError(f"the adapter of {layer} lacks lora_{missing.pop()}: the checkpoint is damaged, use another")
    found = {half: tuple(value.shape) for half, value in pair.items()}
    expected = {"A": (rank, weight.size(1)), "B": (weight.size(0), rank)}
    if found != expected:
        raise InputError(
            f"the adapter of {layer} is A {found['A']}, B {found['B']}, but rank {rank} on this base needs "
            f"A {expected['A']}, B {expected['B']}: give the base and the lora.rank that it was trained with"
        )
