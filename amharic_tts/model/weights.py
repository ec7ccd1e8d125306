"""A model as two files: `model.safetensors` (tensors) and `model.json` (sizes). Nothing in them is executed.

The sizes are closed and bounded as those of a base are, and nothing is built by them that the tensors do not have.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.lora import Lora, merged
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.typed import build

FILES = {"raw": "model.safetensors", "ema": "ema.safetensors"}
"""Kind of weights → their file: as they are in training, and averaged over its steps."""

SIZES_FILE = "model.json"
LARGEST_FILE = 2**16  # bytes; a real one has 1 KB
MEND = "use another checkpoint"


def save_model(directory: Path, state: dict[str, torch.Tensor], config: ModelConfig, lora: Lora | None = None) -> None:
    """Writes a state dict and its sizes into `directory`; lora: the sizes of the adapters that are in it."""
    save_tensors(directory / FILES["raw"], state)
    sizes = config.to_dict() | {"lora": lora and asdict(lora)}
    (directory / SIZES_FILE).write_text(json.dumps(sizes, indent=1) + "\n", encoding="utf-8")


def save_tensors(path: Path, state: dict[str, torch.Tensor]) -> None:
    """Writes a state dict alone, such as the averaged weights beside a model."""
    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, path)


def has_ema(directory: Path) -> bool:
    """Whether a checkpoint has averaged weights."""
    return (directory / FILES["ema"]).is_file()


def preferred(directory: Path) -> str:
    """The kind of weights that leave a checkpoint: the averaged ones where there are any."""
    return "ema" if has_ema(directory) else "raw"


def read_state(directory: Path, kind: str = "raw") -> tuple[dict[str, torch.Tensor], ModelConfig, Lora | None]:
    """What `save_model` wrote, tensors as they are. Raises InputError for files that are missing or damaged."""
    config, lora = read_sizes(directory)
    try:
        return load_file(directory / FILES[kind]), config, lora
    except (OSError, SafetensorError) as error:
        raise InputError(f"{directory} holds no usable model: {error}") from None


def read_sizes(directory: Path) -> tuple[ModelConfig, Lora | None]:
    """The sizes of a saved model and of its adapters. Raises InputError for a file that is missing or damaged, naming
    every setting that is not there, of another type, unknown or beyond its limits."""
    path = directory / SIZES_FILE
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than 64 KB, so it holds no sizes of a model; {MEND}")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{directory} holds no usable model: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path} is no mapping of sizes; {MEND}")
    problems = [] if "lora" in values else ["missing key 'lora'"]
    adapters = values.pop("lora", None)
    config = build(ModelConfig, values, "model", problems)
    lora = None if adapters is None else build(Lora, adapters, "lora", problems)
    if not problems:
        problems += absent("model", asdict(config), values) + config.problems()
    if not problems and lora is not None:
        problems += absent("lora", asdict(lora), adapters) + lora.problems()
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}; {MEND}")
    return config, lora


def absent(where: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The settings that a file leaves out: a default in their place would make another model."""
    missing = [f"missing key '{where}.{name}'" for name in wanted if name not in found]
    for name, value in found.items():
        if isinstance(value, dict):
            missing += absent(f"{where}.{name}", wanted[name], value)
    return missing


def load_state(directory: Path, kind: str = "raw") -> tuple[dict[str, torch.Tensor], ModelConfig]:
    """The state dict, float32, of a plain model in `directory`, its adapters merged; kind: of `FILES`. Raises InputError
    when the files do not fit together."""
    state, config, lora = read_state(directory, kind)
    state = {name: value.float() for name, value in state.items()}
    state = merged(state, lora) if lora else state
    if (layers := layers_of(state)) != config.layers:
        raise InputError(
            f"{directory / FILES[kind]} does not fit {SIZES_FILE}: model.layers is {config.layers}, the tensors are of "
            f"{layers}; {MEND}"
        )
    with torch.device("meta"):
        expected = {name: tuple(value.shape) for name, value in SpeechLM(config).state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise InputError(f"{directory / FILES[kind]} does not fit {SIZES_FILE}; first difference: {wrong[0]}")
    return state, config


def layers_of(names: Iterable[str]) -> int:
    """How many blocks of the trunk a state with these names has tensors of."""
    return len({name.split(".")[2] for name in names if name.startswith("trunk.blocks.")})


def model_of(state: dict[str, torch.Tensor], config: ModelConfig, device: str | torch.device = "cpu") -> SpeechLM:
    """A model with the tensors of `state` (not copied), in evaluation mode."""
    with torch.device("meta"):
        model = SpeechLM(config)
    model.load_state_dict(state, assign=True)
    return model.to(device).eval()


def load_model(directory: Path, device: str | torch.device = "cpu") -> SpeechLM:
    """The model in `directory`, adapters merged, in evaluation mode, float32. Raises InputError as `load_state` does."""
    return model_of(*load_state(directory), device)
