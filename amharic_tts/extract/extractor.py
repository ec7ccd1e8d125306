"""Waves → features: w2v-bert, then the semantic codec for the codes and the prompt encoders for the conditioning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from amharic_tts.codec.indextts2.base_folder import SEMANTIC_CODEC, require_chain
from amharic_tts.codec.indextts2.code_files import codes_fingerprint
from amharic_tts.codec.indextts2.decode import cut_prompt
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.indextts2.semantic_codec import RATE, SemanticCodec, load_semantic_codec
from amharic_tts.codec.indextts2.w2v_bert import SAMPLE_RATE, W2vBert
from amharic_tts.data.features import Features
from amharic_tts.errors import InputError
from amharic_tts.model.base_encoders import build_encoder, read_encoders
from amharic_tts.model.indextts2_config import BaseConfig
from amharic_tts.model.prompt_encoder import PromptEncoder, encoder_fingerprint

Conditioning = Literal["latents", "frames"]
SLACK = 0.06
"""Seconds by which codes may be shorter than their wave: 15 ms of the last window, and up to 20 ms of an odd frame."""


@dataclass(frozen=True)
class Extractor:
    """The networks, in evaluation mode, float32 and on one device. encoder: None where frames are stored."""

    w2v_bert: W2vBert
    codec: SemanticCodec
    encoder: PromptEncoder | None

    @classmethod
    def load(cls, base: BaseConfig, conditioning: Conditioning, device: str | torch.device = "cpu") -> "Extractor":
        """From a base folder. Raises InputError when a file is missing, damaged or another model's."""
        encoder = build_encoder(base, read_encoders(base)).to(device) if conditioning == "latents" else None
        codec = load_semantic_codec(base.directory / SEMANTIC_CODEC, device)
        return cls(W2vBert.load(base.directory, device), codec, encoder)

    @torch.no_grad()
    def extract(self, waves: Sequence[Tensor]) -> list[Features | None]:
        """Features of a batch of waves, each (samples,) at 16 kHz; no row depends on the others. None for a row for which
        the networks give numbers that are not finite, or not in float16. Raises ValueError for a wave without a frame.
        """
        frames, lengths = self.w2v_bert.features(waves)
        codes = self.codec.encode_batch(frames, lengths)
        sound = frames.isfinite().flatten(1).all(1).tolist()
        conditioning = self._conditioning(waves, frames, lengths.tolist())
        results: list[Features | None] = []
        for row, wave in enumerate(waves):
            seconds = len(wave) / SAMPLE_RATE
            if abs(len(codes[row]) / RATE - seconds) > SLACK:
                raise ValueError(f"{len(codes[row])} codes for {seconds:.3f} s: padding was coded, or speech was not")
            finite = sound[row] and bool(conditioning[row].isfinite().all())
            results.append(Features(codes[row].numpy(), conditioning[row].numpy(), seconds) if finite else None)
        return results

    def _conditioning(self, waves: Sequence[Tensor], frames: Tensor, lengths: list[int]) -> list[Tensor]:
        """Per row (rows, width), float16 on the CPU, of what is used of a prompt."""
        cut = [cut_prompt(wave, SAMPLE_RATE) for wave in waves]
        prompts = [row[:length] for row, length in zip(frames, lengths)]
        if longer := [row for row, wave in enumerate(waves) if len(cut[row]) < len(wave)]:
            # Every frame hears the whole wave, so the cut one has frames of its own.
            apart, apart_lengths = self.w2v_bert.features([cut[row] for row in longer])
            for row, its, length in zip(longer, apart, apart_lengths.tolist()):
                prompts[row] = its[:length]
        if self.encoder is not None:
            sizes = torch.tensor([len(prompt) for prompt in prompts], device=frames.device)
            prompts = list(self.encoder(pad_sequence(prompts, batch_first=True), sizes))
        return [prompt.half().cpu() for prompt in prompts]


def describe(base: BaseConfig, conditioning: Conditioning) -> IndexTTS2Codes:
    """What the features of a base folder are made with. Raises InputError for a base that this extractor is not for."""
    require_chain(base.values)
    size = IndexTTS2Codes.size
    if base.model.code_rows - 2 != size:
        raise InputError(
            f"the language model in {base.directory} has {base.model.code_rows - 2} codes, the semantic codec makes {size}"
        )
    latents = conditioning == "latents"
    return IndexTTS2Codes(
        codes=codes_fingerprint(base.directory),
        encoders=encoder_fingerprint(read_encoders(base)) if latents else "",
        conditioning=conditioning,
        conditioning_width=base.model.dim if latents else base.model.conditioning_width,
        conditioning_rows=base.model.stored_rows if latents else 0,
        size=size,
    )
