"""S2Mel: the codes and latents of the language model, and a prompt, → log-mel frames of speech in the prompt's voice."""

import itertools
import math

import torch
from torch import Tensor, nn

from amharic_tts.codec.indextts2.mel22k import FLOOR
from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.flow_matching import euler, guided
from amharic_tts.codec.indextts2.s2mel.length_regulator import LengthRegulator
from amharic_tts.codec.indextts2.s2mel.rows import drop, join, valid_frames
from amharic_tts.codec.indextts2.s2mel.velocity import Velocity

STEPS = 25
GUIDANCE = 0.7


def mel_frames(codes: Tensor) -> Tensor:
    """Mel frames that so many codes last: ⌊1.72 · codes⌋, exact (86.13 frames and 50 codes a second)."""
    return codes * 172 // 100


class S2Mel(nn.Module):
    """Length regulator and flow matching, with the path that brings the language model's latents to them."""

    def __init__(self, config: S2MelConfig | None = None):
        super().__init__()
        config = config or S2MelConfig()
        widths = (config.latent, *config.latent_path, config.content)
        # The reference puts nothing between these layers: together they are one matrix of rank 128.
        self.latent = nn.Sequential(*(nn.Linear(a, b) for a, b in itertools.pairwise(widths)))
        self.regulator = LengthRegulator(config.content, config.dim, config.regulator_layers)
        self.velocity = Velocity(config)
        self.bands = config.bands

    def condition(self, content: Tensor, lengths: Tensor, frames: Tensor) -> Tensor:
        """Content (batch, codes, 1024) of `lengths` (batch,) codes → conditions (batch, max(frames), 512), stretched to
        `frames` (batch,) mel frames, zero after a row's end.

        Of a prompt the content is its quantised semantic features and the frames are those of its mel; of what is to
        be spoken the content is `code embedding + self.latent(code latents)`.
        """
        return self.regulator(content, lengths, frames)

    @torch.no_grad()
    def synthesize(
        self,
        latents: Tensor,
        embedding: Tensor,
        lengths: Tensor,
        prompt_condition: Tensor,
        prompt_mel: Tensor,
        prompt_frames: Tensor,
        style: Tensor,
        frames: Tensor | None = None,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The mels that a batch of code sequences stands for, without their prompts.

        latents           (batch, codes, 1280)        the language model's hidden states at the codes
        embedding         (batch, codes, 1024)        the semantic codec's embedding of the codes
        lengths           (batch,)                    codes of each row, at least 1
        prompt_condition  (batch, prompt, 512)        `condition` of the prompt
        prompt_mel        (batch, 80, prompt)         `mel22k.log_mel` of the prompt
        prompt_frames     (batch,)                    mel frames of each prompt
        style             (batch, 192)                CAMPPlus of the prompt
        frames            (batch,)                    mel frames to make of each row; ⌊1.72 · codes⌋ when not given
        noise             (batch, 80, max(frames))    where the flow starts; drawn when not given, from
                                                      `generator`, which lives on the same device

        Returns the mel (batch, 80, max(frames)), float32, with silence after a row's end, and `frames` (batch,). A row
        comes out as it would alone with its noise. The network computes in the type of its own weights, which latents,
        embedding, conditions and style have too. `guidance` 0 halves the work and leaves the network unguided.
        """
        if steps < 1:
            raise ValueError(f"steps is {steps}; the flow needs at least 1")
        frames = mel_frames(lengths) if frames is None else frames
        if int(lengths.min()) < 1 or int(frames.min()) < 1:
            raise ValueError("a row without codes or frames has no mel; leave it out of the batch")
        if noise is None:
            shape = (len(lengths), self.bands, int(frames.max()))
            noise = torch.randn(shape, generator=generator, device=latents.device)

        content = embedding + self.latent(latents)
        target_condition = self.condition(content, lengths, frames)
        condition = join(prompt_condition, prompt_frames, target_condition, frames)
        known, unknown = prompt_mel.transpose(1, 2).to(condition.dtype), noise.transpose(1, 2)
        # The prompt's place holds its mel in the context and zero in the sample; the target's place the reverse.
        prompt = join(known, prompt_frames, torch.zeros_like(unknown, dtype=known.dtype), frames)
        start = join(torch.zeros_like(known, dtype=unknown.dtype), prompt_frames, unknown, frames)
        total = prompt_frames + frames

        context = self.velocity.context(prompt, condition, style)
        if guidance:
            nothing = map(torch.zeros_like, (prompt, condition, style))
            context = torch.cat([context, self.velocity.context(*nothing)])
        copies = len(context) // len(total)
        all_lengths = total.repeat(copies)

        def field(x: Tensor, time: Tensor) -> Tensor:
            flow = self.velocity(x.to(context.dtype).repeat(copies, 1, 1), time, context, all_lengths)
            return guided(*flow.chunk(2), guidance) if guidance else flow

        still = valid_frames(prompt_frames, start.size(1)) | ~valid_frames(total, start.size(1))
        mel = euler(start, field, still, steps)
        return drop(mel, prompt_frames, frames, padding=math.log(FLOOR)).transpose(1, 2), frames
