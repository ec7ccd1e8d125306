"""IndexTTS-2: `gpt.pth` of a base folder, its text tables grown to the vocabulary, its prompt encoders frozen or not."""

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from amharic_tts.bases.base import Start
from amharic_tts.codec.indextts2.base_folder import require_chain, sha256
from amharic_tts.codec.indextts2.code_files import codes_fingerprint
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.errors import InputError
from amharic_tts.model.base_encoders import read_encoders
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.export_gpt import export_gpt
from amharic_tts.model.import_gpt import has_vocabulary, import_base
from amharic_tts.model.indextts2_config import BaseConfig, read_base_config
from amharic_tts.model.prompt_encoder import ENCODERS, encoder_fingerprint
from amharic_tts.synthesis.indextts2 import IndexTTS2Sound
from amharic_tts.synthesis.sound import Sound
from amharic_tts.text.tokenizer import Tokenizer

EXTRACT = "python tools/extract_features.py"


@dataclass(frozen=True)
class IndexTTS2:
    """The base in `folder`. dropout: of the trunk while training."""

    folder: Path
    dropout: float = 0.1
    name = "indextts2"
    pretrained = True

    @functools.cached_property
    def config(self) -> BaseConfig:
        """What the folder's config.yaml says."""
        return read_base_config(self.folder)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of gpt.pth."""
        try:
            return sha256(self.config.gpt)
        except OSError as error:
            raise InputError(
                f"{self.config.gpt} cannot be read ({error.strerror}); `python tools/download_base.py --out {self.folder}` "
                "fetches it"
            ) from None

    def sizes(self, tokenizer: Tokenizer, codec: CodecFacts) -> ModelConfig:
        if not isinstance(codec, IndexTTS2Codes):
            raise InputError(
                f"the shards hold codes of another codec than IndexTTS-2's: `{EXTRACT} --base {self.folder} …` makes "
                "them, `python tools/build_shards.py --features …` packs them"
            )
        model = self.config.model
        grown = model.text_rows
        if not has_vocabulary(self.config, tokenizer):
            grown += tokenizer.size - tokenizer.base_size
        config = replace(
            model,
            text_rows=grown,
            dropout=self.dropout,
            stored_conditioning=codec.conditioning == "latents",
            conditioning_width=codec.conditioning_width,
        )
        rows = config.stored_rows if config.stored_conditioning else 0
        width = config.dim if config.stored_conditioning else model.conditioning_width
        if (codec.size, codec.conditioning_rows, codec.conditioning_width) != (config.code_rows - 2, rows, width):
            raise InputError(
                f"the shards hold {codec.size} codes and prompts of {codec.conditioning_rows} × "
                f"{codec.conditioning_width}, the base in {self.folder} takes {config.code_rows - 2} and {rows} × {width}: "
                f"`{EXTRACT} --base {self.folder} …` makes what fits"
            )
        return config

    def start(self, config: ModelConfig, tokenizer: Tokenizer, codec: CodecFacts, seed: int) -> Start:
        require_chain(self.config.values)
        imported = import_base(self.folder, tokenizer, seed)
        if config.stored_conditioning and encoder_fingerprint(imported.state) != codec.encoders:
            raise InputError(
                f"the prompts in the shards were read by other encoders than those in {imported.base.gpt}: give the base "
                f"folder that they were made with as base_folder, or make them again (`{EXTRACT} --base {self.folder} …`)"
            )
        account = str(imported.account)
        if not config.stored_conditioning:
            return Start(imported.state, account)
        state = {name: value for name, value in imported.state.items() if not name.startswith(ENCODERS)}
        left = len(imported.state) - len(state)
        return Start(state, f"{account}\n  frozen    {left} of the prompt encoders, whose outputs are in the shards")

    def identity(self) -> dict[str, str]:
        return {"name": self.name, "gpt": self.fingerprint}

    def whole(self, state: dict[str, Tensor], config: ModelConfig) -> tuple[dict[str, Tensor], ModelConfig]:
        if not config.stored_conditioning:
            return state, config
        width = self.config.model.conditioning_width
        return read_encoders(self.config) | state, replace(config, stored_conditioning=False, conditioning_width=width)

    def export(
        self, state: dict[str, Tensor], config: ModelConfig, tokenizer: Tokenizer, directory: Path
    ) -> list[Path]:
        return export_gpt(state, config, tokenizer, self.config, directory)

    def sound(self, codec: CodecFacts, device: str | torch.device, flow_steps: int | None) -> Sound:
        if not isinstance(codec, IndexTTS2Codes) or codes_fingerprint(self.folder) != codec.codes:
            raise InputError(
                f"the model has learned codes of other networks (w2v-bert, semantic codec) than those in {self.folder}: "
                "give the base folder that the features were extracted with as --base"
            )
        return IndexTTS2Sound(self.folder, codec, device, flow_steps)
