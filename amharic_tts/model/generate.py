"""Text and a prompt in, codes out: autoregressive generation with a key-value cache."""

from dataclasses import dataclass

import torch
from torch import Tensor

from amharic_tts.model.sampling import SamplingOptions, choose
from amharic_tts.model.speech_lm import SpeechLM


@dataclass(frozen=True)
class Generated:
    """What the model said for one text."""

    codes: Tensor
    """(codes,) int64, without start and stop."""
    stopped: bool
    """The model said stop; False means that it was cut at the limit."""


@torch.no_grad()
def generate(
    model: SpeechLM,
    prompt: Tensor,
    prompt_lengths: Tensor,
    text: Tensor,
    text_lengths: Tensor,
    options: SamplingOptions,
) -> list[Generated]:
    """Codes for a batch of texts.

    prompt (batch, t, width) float, text (batch, n) ids without specials, lengths (batch,). A row's result does not
    depend on what else is in the batch: each has its own random stream, from the seed and its number in the batch.
    """
    config, batch = model.config, text.size(0)
    training = model.training
    model.eval()
    limit = min(options.max_codes or config.max_codes, config.max_codes)
    streams = [torch.Generator().manual_seed(options.seed * 1_000_003 + row) for row in range(batch)]
    logits, cache, place = model.prefill(prompt, prompt_lengths, text, text_lengths, limit)
    said = torch.zeros(batch, config.code_rows, dtype=torch.bool, device=logits.device)
    lengths = torch.full((batch,), -1, device=logits.device)
    codes = []
    for index in range(1, limit + 1):
        logits[:, config.start_code] = -torch.inf
        uniform = torch.stack([torch.rand((), generator=stream) for stream in streams]).to(logits.device)
        code = choose(logits, said, options, uniform)
        lengths = torch.where((lengths < 0) & (code == config.stop_code), index - 1, lengths)
        if (lengths >= 0).all():
            break
        said[torch.arange(batch, device=code.device), code] = True
        codes.append(code)
        if index < limit:
            logits = model.next_logits(code, index, cache, place)
            place = place + 1
    model.train(training)
    spoken = torch.stack(codes, 1) if codes else text.new_zeros(batch, 0)
    ends = [spoken.size(1) if length < 0 else length for length in lengths.tolist()]
    return [Generated(spoken[row, :end].cpu(), stopped=bool(lengths[row] >= 0)) for row, end in enumerate(ends)]
