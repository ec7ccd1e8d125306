"""A model as two files: `model.safetensors` (tensors) and `model.json` (sizes). Nothing in them is executed."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM


def save_model(directory: Path, state: dict[str, torch.Tensor], config: ModelConfig) -> None:
    """Writes a state dict and its sizes into `directory`."""
    contiguous = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(contiguous, directory / "model.safetensors")
    (directory / "model.json").write_text(json.dumps(config.to_dict(), indent=1) + "\n", encoding="utf-8")


def load_model(directory: Path, device: str | torch.device = "cpu") -> SpeechLM:
    """The model in `directory`, in evaluation mode, float32. Raises InputError when the files do not fit together."""
    try:
        config = ModelConfig.from_dict(json.loads((directory / "model.json").read_text(encoding="utf-8")))
        state = load_file(directory / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(f"{directory} holds no usable model: {error}") from None
    with torch.device("meta"):
        model = SpeechLM(config)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    if expected != found:
        wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise InputError(f"{directory}/model.safetensors does not fit model.json; first difference: {wrong[0]}")
    model.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
    return model.to(device).eval()
