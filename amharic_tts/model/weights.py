"""A model as two files: `model.safetensors` (tensors) and `model.json` (sizes). Nothing in them is executed."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.lora import Lora, merged
from amharic_tts.model.speech_lm import SpeechLM

FILES = {"raw": "model.safetensors", "ema": "ema.safetensors"}
"""Kind of weights → their file: as they are in training, and averaged over its steps."""


def save_model(directory: Path, state: dict[str, torch.Tensor], config: ModelConfig, lora: Lora | None = None) -> None:
    """Writes a state dict and its sizes into `directory`; lora: the sizes of the adapters that are in it."""
    save_tensors(directory / FILES["raw"], state)
    sizes = config.to_dict() | {"lora": lora and asdict(lora)}
    (directory / "model.json").write_text(json.dumps(sizes, indent=1) + "\n", encoding="utf-8")


def save_tensors(path: Path, state: dict[str, torch.Tensor]) -> None:
    """Writes a state dict alone, such as the averaged weights beside a model."""
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, path)


def has_ema(directory: Path) -> bool:
    """Whether a checkpoint has averaged weights."""
    return (directory / FILES["ema"]).is_file()


def read_state(directory: Path, kind: str = "raw") -> tuple[dict[str, torch.Tensor], ModelConfig, Lora | None]:
    """What `save_model` wrote, tensors as they are. Raises InputError for files that are missing or damaged."""
    try:
        return load_file(directory / FILES[kind]), *read_sizes(directory)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{directory} holds no usable model: {error}") from None


def read_sizes(directory: Path) -> tuple[ModelConfig, Lora | None]:
    """The sizes of a saved model and of its adapters. Raises InputError for a file that is missing or damaged."""
    try:
        sizes = json.loads((directory / "model.json").read_text(encoding="utf-8"))
        lora = sizes.pop("lora")
        return ModelConfig.from_dict(sizes), lora and Lora(**lora)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{directory} holds no usable model: {error}") from None


def load_state(directory: Path, kind: str = "raw") -> tuple[dict[str, torch.Tensor], ModelConfig]:
    """The state dict, float32, of a plain model in `directory`, its adapters merged; kind: of `FILES`. Raises InputError
    when the files do not fit together."""
    state, config, lora = read_state(directory, kind)
    state = {name: value.float() for name, value in state.items()}
    state = merged(state, lora) if lora else state
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in SpeechLM(config).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise InputError(f"{directory / FILES[kind]} does not fit model.json; first difference: {wrong[0]}")
    return state, config


def model_of(state: dict[str, torch.Tensor], config: ModelConfig, device: str | torch.device = "cpu") -> SpeechLM:
    """A model with the tensors of `state` (not copied), in evaluation mode."""
    with torch.device("meta"):
        model = SpeechLM(config)
    model.load_state_dict(state, assign=True)
    return model.to(device).eval()


def load_model(directory: Path, device: str | torch.device = "cpu") -> SpeechLM:
    """The model in `directory`, adapters merged, in evaluation mode, float32. Raises InputError as `load_state` does."""
    return model_of(*load_state(directory), device)
