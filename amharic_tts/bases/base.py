"""What the trainer asks of a base model."""

from pathlib import Path
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.model.config import ModelConfig
from amharic_tts.synthesis.sound import Sound
from amharic_tts.text.tokenizer import Tokenizer


class Start(NamedTuple):
    """Weights to begin with."""

    state: dict[str, Tensor]
    """Of a `SpeechLM`, float32, on the CPU."""
    account: str
    """Where they come from, every tensor accounted for; for people."""


class Base(Protocol):
    """A model to start from. Special tokens, limits and conditioning are in the `ModelConfig` that it gives."""

    name: str
    """Its name in recipes and checkpoints."""
    pretrained: bool
    """It has learned before: its prompt encoders stay frozen unless a recipe says otherwise."""

    def sizes(self, tokenizer: Tokenizer, codec: CodecFacts) -> ModelConfig:
        """The sizes of the model for this vocabulary and these codes. Raises InputError when they do not fit the base."""

    def start(self, config: ModelConfig, tokenizer: Tokenizer, codec: CodecFacts, seed: int) -> Start:
        """The weights that training starts from, for `SpeechLM(config)`; the same seed gives the same. Raises InputError
        when the base's files are damaged, or when stored prompts were read by other encoders."""

    def identity(self) -> dict[str, str]:
        """What a checkpoint writes down of its base, to know it again: `name` and what makes it this very one."""

    def whole(self, state: dict[str, Tensor], config: ModelConfig) -> tuple[dict[str, Tensor], ModelConfig]:
        """A trained state with what did not take part in training (frozen prompt encoders), and the sizes of both."""

    def export(
        self, state: dict[str, Tensor], config: ModelConfig, tokenizer: Tokenizer, directory: Path
    ) -> list[Path]:
        """Writes a folder that the base's own inference loads, from `whole`'s result; see `export_gpt`."""

    def sound(self, codec: CodecFacts, device: str | torch.device, flow_steps: int | None) -> Sound:
        """What turns codes of `codec` into waves. flow_steps: of a base that has a flow, None: its own number. Raises
        InputError when the base's files are not those that made the codes."""
