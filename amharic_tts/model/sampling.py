"""How the next code is chosen from logits."""

from dataclasses import dataclass

import torch
from torch import Tensor

from amharic_tts.errors import InputError


@dataclass(frozen=True)
class SamplingOptions:
    """How codes are drawn. Raises InputError for a value out of its range."""

    temperature: float = 0.7
    """0 takes the most likely code (greedy); higher is more varied."""
    top_k: int = 50
    """Only the k most likely codes can be drawn; 0 means all."""
    top_p: float = 0.9
    """Only the most likely codes that together hold this share of the probability can be drawn; 1 means all."""
    repetition_penalty: float = 1.0
    """Logits of codes already said are divided by this when positive, multiplied when negative (Keskar et al. 2019);
    1 does nothing."""
    seed: int = 0
    max_codes: int = 0
    """Stop after this many codes even without a stop code; 0 means the model's own limit."""

    def __post_init__(self):
        for name, sound in (
            ("temperature", self.temperature >= 0),
            ("top_k", self.top_k >= 0),
            ("top_p", 0 < self.top_p <= 1),
            ("seed", abs(self.seed) < 2**40),
            ("repetition_penalty", self.repetition_penalty >= 1),
            ("max_codes", self.max_codes >= 0),
        ):
            if not sound:
                raise InputError(f"{name} cannot be {getattr(self, name)}: see the command's --help for its range")


def penalise_repetition(logits: Tensor, said: Tensor, penalty: float) -> Tensor:
    """Makes codes that a row has said less likely: logits and the boolean `said` are (batch, code_rows)."""
    return torch.where(said, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def distribution(logits: Tensor, options: SamplingOptions) -> tuple[Tensor, Tensor]:
    """Probabilities (batch, k) of the codes that may be drawn, most likely first, and those codes (batch, k)."""
    k = min(options.top_k or logits.size(-1), logits.size(-1))
    values, codes = (logits.float() / options.temperature).topk(k, -1)
    probability = values.softmax(-1)
    # A code stays when what is more likely than it does not yet hold top_p: the first one always stays.
    before = probability.cumsum(-1) - probability
    probability = probability.masked_fill(before >= options.top_p, 0)
    return probability / probability.sum(-1, keepdim=True), codes


def choose(logits: Tensor, said: Tensor, options: SamplingOptions, uniform: Tensor) -> Tensor:
    """The next code of every row (batch,); `uniform` (batch,) in [0, 1) decides the draw."""
    if options.repetition_penalty > 1:
        logits = penalise_repetition(logits, said, options.repetition_penalty)
    if options.temperature == 0:
        return logits.argmax(-1)
    probability, codes = distribution(logits, options)
    drawn = (probability.cumsum(-1) <= uniform[:, None]).sum(-1).clamp(max=codes.size(1) - 1)
    # Rounding may leave the sum just under 1: never fall on a code that was ruled out.
    drawn = torch.minimum(drawn, (probability > 0).sum(-1) - 1)
    return codes.gather(1, drawn[:, None])[:, 0]
