"""IndexTTS-2's sound: w2v-bert hears the prompt, S2Mel and BigVGAN speak, all from the base's folder."""

import functools
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from amharic_tts.audio.files import resample
from amharic_tts.codec.indextts2 import mel22k
from amharic_tts.codec.indextts2.campplus import SHORTEST_SAMPLES
from amharic_tts.codec.indextts2.decode import Decoder, cut_prompt
from amharic_tts.codec.indextts2.w2v_bert import SAMPLE_RATE, W2vBert
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.errors import InputError
from amharic_tts.model.generate import Generated
from amharic_tts.model.speech_lm import SpeechLM


class IndexTTS2Sound:
    """A `Sound`. The networks are loaded from `base` when they are first needed. steps: of the flow."""

    prompt_rate = sample_rate = mel22k.SAMPLE_RATE
    needs_wave = True

    def __init__(
        self, base: Path, codec: CodecFacts | None, device: str | torch.device = "cpu", steps: int | None = None
    ):
        self.base, self.codec, self.device, self.steps = base, codec, device, steps

    @functools.cached_property
    def ears(self) -> W2vBert:
        return W2vBert.load(self.base, self.device)

    @functools.cached_property
    def decoder(self) -> Decoder:
        return Decoder.load(self.base, self.device)

    def conditioning(self, wave: Tensor) -> Tensor:
        heard = resample(cut_prompt(wave, self.prompt_rate), self.prompt_rate, SAMPLE_RATE)
        if len(heard) < SHORTEST_SAMPLES:
            seconds = len(wave) / self.prompt_rate
            raise InputError(f"a prompt of {seconds:.3f} s is too short for a voice: give some seconds of one person")
        frames, lengths = self.ears.features([heard])
        return frames[0, : int(lengths)].cpu()

    @torch.no_grad()
    def waves(
        self, model: SpeechLM, prompt: Tensor, ids: Sequence[Tensor], spoken: Sequence[Generated], wave: Tensor | None
    ) -> list[Tensor]:
        codes = [one.codes for one in spoken]
        lengths = [torch.tensor([len(row) for row in rows], device=self.device) for rows in (ids, codes)]
        texts, padded = (pad_sequence(list(rows), batch_first=True).to(self.device) for rows in (ids, codes))
        prompts = prompt.to(self.device).expand(len(ids), -1, -1)
        prompt_lengths = torch.full((len(ids),), len(prompt), device=self.device)
        latents = model.code_latents(prompts, prompt_lengths, texts, lengths[0], padded, lengths[1])
        voice = self.decoder.voice(cut_prompt(wave, self.prompt_rate), self.prompt_rate, prompt)
        steps = {} if self.steps is None else {"steps": self.steps}
        kept = [latents[row, : len(one)] for row, one in enumerate(codes)]
        return self.decoder.decode(codes, kept, [voice] * len(codes), **steps)
