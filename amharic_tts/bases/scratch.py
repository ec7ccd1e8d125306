"""No base at all: sizes from the recipe, weights drawn from a seed."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from amharic_tts.bases.base import Start
from amharic_tts.codec.load import require_codec
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.synthesis.sound import CodecSound, Sound
from amharic_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Scratch:
    """A new model. `given` has its sizes, but for those that the data decides."""

    given: ModelConfig
    name = "scratch"
    pretrained = False

    def sizes(self, tokenizer: Tokenizer, codec: CodecFacts) -> ModelConfig:
        if codec.conditioning_rows:
            raise InputError(
                "the shards hold prompts as the encoders of a pretrained base have read them: say `base: indextts2` in "
                "the recipe, or build shards with frames (tools/extract_features.py --conditioning frames)"
            )
        rows = {"text_rows": tokenizer.size, "code_rows": codec.size + 2}
        return replace(self.given, **rows, conditioning_width=codec.conditioning_width)

    def start(self, config: ModelConfig, tokenizer: Tokenizer, codec: CodecFacts, seed: int) -> Start:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = SpeechLM(config).state_dict()
        return Start(state, f"{len(state)} tensors drawn at random")

    def identity(self) -> dict[str, str]:
        return {"name": self.name}

    def whole(self, state: dict[str, Tensor], config: ModelConfig) -> tuple[dict[str, Tensor], ModelConfig]:
        return state, config

    def export(
        self, state: dict[str, Tensor], config: ModelConfig, tokenizer: Tokenizer, directory: Path
    ) -> list[Path]:
        raise InputError(
            "this run began from scratch: no other program's inference has such a model. `python tools/synthesize.py` "
            "speaks with its checkpoints"
        )

    def sound(self, codec: CodecFacts, device: str | torch.device, flow_steps: int | None) -> Sound:
        if flow_steps is not None:
            raise InputError("--flow-steps: a model from scratch has no flow; leave it out")
        return CodecSound(require_codec(codec))
