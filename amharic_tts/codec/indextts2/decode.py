"""Codes and code latents → 22.05 kHz speech in the voice of a prompt: the second half of IndexTTS-2.

The prompt gives three things: its mel, which the flow continues; its quantised features at the mel's rate, which say what
is spoken in that mel; and a style vector. Codes and latents become a mel by S2Mel, and the mel a wave by the vocoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from amharic_tts.audio.files import resample
from amharic_tts.codec.indextts2 import campplus, mel22k
from amharic_tts.codec.indextts2.base_folder import CAMPPLUS, S2MEL, SEMANTIC_CODEC, VOCODER
from amharic_tts.codec.indextts2.campplus import CAMPPlus, filterbank, load_campplus
from amharic_tts.codec.indextts2.s2mel.load import load_s2mel
from amharic_tts.codec.indextts2.s2mel.model import GUIDANCE, STEPS, S2Mel, mel_frames
from amharic_tts.codec.indextts2.semantic_codec import RATE, SemanticCodec, load_semantic_codec
from amharic_tts.codec.indextts2.vocoder import Vocoder, load_vocoder

PROMPT_SECONDS = 15
"""As much of a prompt is used, as in the reference; the flow runs over prompt and speech together."""
SLACK = 0.1
"""Seconds by which features may be shorter or longer than their wave: they are two 10 ms frames to one of 20 ms."""


@dataclass(frozen=True)
class Voice:
    """What decoding takes from a prompt; made once, used for any number of utterances."""

    condition: Tensor
    """(frames, 512)"""
    mel: Tensor
    """(80, frames)"""
    style: Tensor
    """(192,)"""


def cut_prompt(wave: Tensor, rate: int) -> Tensor:
    """The part of a prompt `wave` (samples,) at `rate` Hz that is used. Its features must be computed from this part:
    every one of them hears the whole wave."""
    return wave[: PROMPT_SECONDS * rate]


@dataclass(frozen=True)
class Decoder:
    """The four networks, in evaluation mode and on one device. S2Mel may be in half precision; the others are float32."""

    codec: SemanticCodec
    s2mel: S2Mel
    campplus: CAMPPlus
    vocoder: Vocoder

    @classmethod
    def load(cls, directory: str | Path, device: str | torch.device = "cpu") -> "Decoder":
        """The networks of a base folder, each from its one fixed place (`base_folder`): no setting in the folder names
        a file to read. Raises InputError when a file is missing, damaged or another model's."""
        directory = Path(directory)
        return cls(
            load_semantic_codec(directory / SEMANTIC_CODEC, device),
            load_s2mel(directory / S2MEL, device),
            load_campplus(directory / CAMPPLUS, device),
            load_vocoder(directory / VOCODER, device),
        )

    @torch.no_grad()
    def voice(self, wave: Tensor, rate: int, features: Tensor) -> Voice:
        """The voice of a prompt `wave` (samples,) at `rate` Hz, of which `features` (frames, 1024) are the standardised
        w2v-bert features. Raises InputError for a prompt shorter than 45 ms, ValueError for another wave's features."""
        seconds = len(wave) / rate
        if abs(len(features) / RATE - seconds) > SLACK:
            raise ValueError(f"{len(features)} feature frames do not belong to a wave of {seconds:.2f} s")
        place = self.vocoder.leave.weight.device
        kind = self.s2mel.latent[0].weight.dtype
        wave = wave.float()
        style = self.campplus(filterbank(resample(wave, rate, campplus.SAMPLE_RATE))[None].to(place))
        mel = mel22k.log_mel(resample(wave, rate, mel22k.SAMPLE_RATE)[None].to(place))  # (1, 80, frames)
        content = self.codec.embedding(self.codec.encode(features[None].to(place)))
        lengths = torch.tensor([content.size(1)], device=place)
        frames = torch.tensor([mel.size(2)], device=place)
        condition = self.s2mel.condition(content.to(kind), lengths, frames)
        return Voice(condition[0], mel[0], style[0].to(kind))

    def decode(
        self,
        codes: Sequence[Tensor],
        latents: Sequence[Tensor],
        voices: Sequence[Voice],
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        seed: int = 0,
    ) -> list[Tensor]:
        """The waves of a batch of utterances: float32 on the CPU, row i of 256 · ⌊1.72 · codes⌋ samples in -1…1.

        codes: each (n,), without start and stop; latents: each (n, 1280), the language model's hidden states at the
        codes; voices: whose voice each row has. A row without codes is an empty wave. The noise of a row depends on
        `seed` and its length alone, so that a row sounds the same in every batch. Raises ValueError for codes that are
        none, and for latents that are not as many.
        """
        for row, (row_codes, row_latents, _) in enumerate(zip(codes, latents, voices, strict=True)):
            self._check(row, row_codes, row_latents)
        spoken = [row for row, row_codes in enumerate(codes) if len(row_codes)]
        waves = [torch.zeros(0) for _ in codes]
        if spoken:
            chosen = [[rows[row] for row in spoken] for rows in (codes, latents, voices)]
            for row, mel in zip(spoken, self.mels(*chosen, steps=steps, guidance=guidance, seed=seed), strict=True):
                waves[row] = self.vocode(mel)
        return waves

    @torch.no_grad()
    def mels(
        self,
        codes: Sequence[Tensor],
        latents: Sequence[Tensor],
        voices: Sequence[Voice],
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        seed: int = 0,
    ) -> list[Tensor]:
        """The log-mels of a batch as in `decode`, each (80, ⌊1.72 · codes⌋); every row has codes."""
        like = self.s2mel.latent[0].weight
        lengths = torch.tensor([len(row) for row in codes], device=like.device)
        frames = mel_frames(lengths)
        prompt_frames = torch.tensor([voice.mel.size(1) for voice in voices], device=like.device)
        padded = lambda rows: pad_sequence(list(rows), batch_first=True).to(like.device)  # noqa: E731
        mels, _ = self.s2mel.synthesize(
            latents=padded(latents).to(like.dtype),
            embedding=self.codec.embedding(padded(codes)).to(like.dtype),
            lengths=lengths,
            prompt_condition=padded(voice.condition for voice in voices),
            prompt_mel=padded(voice.mel.T for voice in voices).transpose(1, 2),
            prompt_frames=prompt_frames,
            style=torch.stack([voice.style for voice in voices]).to(like.device),
            frames=frames,
            steps=steps,
            guidance=guidance,
            noise=padded(noise(self.s2mel.bands, count, seed).T for count in frames.tolist()).transpose(1, 2),
        )
        return [mel[:, :count] for mel, count in zip(mels, frames.tolist(), strict=True)]

    @torch.no_grad()
    def vocode(self, mel: Tensor) -> Tensor:
        """The wave (256 · frames,) of a log-mel (80, frames), float32 on the CPU. One at a time: a padded row would let
        the vocoder hear its padding."""
        return self.vocoder(mel[None])[0, 0].cpu()

    def _check(self, row: int, codes: Tensor, latents: Tensor) -> None:
        size = self.codec.codebook.num_embeddings
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < size:
            raise ValueError(f"row {row} holds numbers beyond the {size} codes; take start and stop off")
        if len(latents) != len(codes):
            raise ValueError(f"row {row} has {len(latents)} latents for {len(codes)} codes")


def noise(bands: int, frames: int, seed: int) -> Tensor:
    """Where a flow starts: (bands, frames). Drawn on the CPU, so that every device starts from the same."""
    return torch.randn(bands, frames, generator=torch.Generator().manual_seed(seed))
