"""The prompt encoders of a base's `gpt.pth`, without the rest of the language model."""

from collections.abc import Mapping

import torch
from torch import Tensor

from amharic_tts.codec.indextts2.weights import read_file
from amharic_tts.model.import_gpt import copy_of, require_finite, require_names_and_shapes, require_plain
from amharic_tts.model.indextts2_config import BaseConfig
from amharic_tts.model.indextts2_keys import COMPUTED, our_layout, our_name
from amharic_tts.model.prompt_encoder import ENCODERS, PromptEncoder
from amharic_tts.model.trainer_wrapping import common_prefix, unwrapped


def read_encoders(base: BaseConfig) -> dict[str, Tensor]:
    """The encoders' tensors under their names in `SpeechLM`, float32, as `import_gpt` gives them.

    All names and shapes in the file are checked, but only the encoders are read: on the CPU they stay in the file, and
    processes that read it share them. Raises InputError when the file is not the one that config.yaml describes.
    """
    path = base.gpt
    tensors, _ = unwrapped(read_file(path, mmap=True), path)
    prefix = common_prefix(tensors)
    tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    require_plain(tensors, path)
    learned = [key for key in tensors if copy_of(key) is None and not COMPUTED.fullmatch(key)]
    require_names_and_shapes({key: tuple(tensors[key].shape) for key in learned}, base.model, path)
    encoders = {key: tensors[key] for key in learned if our_name(key).startswith(ENCODERS)}
    require_finite(encoders, path)
    return {our_name(key): our_layout(key, value).float().contiguous() for key, value in encoders.items()}


def build_encoder(base: BaseConfig, state: Mapping[str, Tensor]) -> PromptEncoder:
    """The encoders that hold the tensors of `read_encoders`, in evaluation mode."""
    with torch.device("meta"):
        encoder = PromptEncoder(base.model)
    encoder.load_state_dict({name.removeprefix(ENCODERS): value for name, value in state.items()}, assign=True)
    return encoder.eval().requires_grad_(False)
