"""The speech language model: `[conditioning] [start text stop] [start codes]` → the next text token or code.

The layout is IndexTTS-2's GPT: the perceiver's latents (plus an emotion vector added to each), two duration
embeddings, then text and codes with learned positions of their own. Every sequence is contiguous; padding stands only
behind its last code.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amharic_tts.model.config import ModelConfig
from amharic_tts.model.frozen_rows import TextEmbedding, TextHead
from amharic_tts.model.prompt_encoder import PromptEncoder
from amharic_tts.model.trunk import KeyValueCache, Trunk

START_TEXT, STOP_TEXT = 0, 1


class Losses(NamedTuple):
    """Sums of cross-entropy in nats over a micro-batch's targets, with what is needed to make means of them."""

    text: Tensor
    codes: Tensor
    text_targets: Tensor
    code_targets: Tensor
    codes_correct: Tensor
    """Targets whose arg-max was right: top-1 accuracy when divided by `code_targets`."""


class SpeechLM(nn.Module):
    """Prompt encoder, embeddings, trunk and two heads. `forward` gives losses, `prefill` and `next_logits` speak.

    Parameters are read in the forward pass of the module that has them and nowhere else: ZeRO-3 gathers them there.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        dim = config.dim
        self.prompt_encoder = None if config.stored_conditioning else PromptEncoder(config)
        self.duration_embedding = nn.Embedding(2, dim)
        self.text_embedding = TextEmbedding(config.text_rows, dim)
        self.code_embedding = nn.Embedding(config.code_rows, dim)
        self.text_position = nn.Embedding(config.max_text + 2, dim)
        self.code_position = nn.Embedding(config.max_codes + 3, dim)
        self.trunk = Trunk(dim, config.layers, config.heads, config.dropout)
        self.norm = nn.LayerNorm(dim)
        self.text_head = TextHead(dim, config.text_rows)
        self.code_head = nn.Linear(dim, config.code_rows)
        self.initialise()

    def initialise(self) -> None:
        """GPT-2's start for trunk, embeddings and heads; branches that add to the residual start smaller."""
        own = (self.text_embedding, self.code_embedding, self.text_position, self.code_position)
        for module in (*own, self.duration_embedding, *self.trunk.modules(), self.text_head, self.code_head):
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        for block in self.trunk.blocks:
            for branch in (block.attention.out, block.feed_down):
                nn.init.normal_(branch.weight, std=0.02 * (2 * self.config.layers) ** -0.5)

    def condition(self, prompt: Tensor, prompt_lengths: Tensor) -> Tensor:
        """A prompt → conditioning rows (batch, latents + 2, dim).

        prompt: frames (batch, t, width) or, with `config.stored_conditioning`, what `PromptEncoder` has made of them.
        """
        rows = prompt.to(self.norm.weight.dtype)
        if self.prompt_encoder is not None:
            rows = self.prompt_encoder(rows, prompt_lengths)
        if self.config.emotion is not None:
            rows = rows[:, :-1] + rows[:, -1:]
        # Order of the two duration rows as in the reference: row 1, then row 0.
        duration = self.duration_embedding(torch.tensor([1, 0], device=rows.device))
        return torch.cat([rows, duration.expand(rows.size(0), -1, -1)], 1)

    def text_rows(self, text: Tensor, lengths: Tensor) -> Tensor:
        """Text ids (batch, n) without specials → embeddings of `start t₁…tₙ stop` (batch, n + 2, dim)."""
        ids = F.pad(F.pad(text, (1, 0), value=START_TEXT), (0, 1), value=STOP_TEXT)
        ids = torch.where(torch.arange(ids.size(1), device=ids.device)[None] > lengths[:, None], STOP_TEXT, ids)
        return self.text_embedding(ids) + self.text_position(torch.arange(ids.size(1), device=ids.device))

    def code_rows(self, codes: Tensor) -> Tensor:
        """Codes (batch, m) → embeddings of `start c₁…cₘ` (batch, m + 1, dim)."""
        ids = F.pad(codes, (1, 0), value=self.config.start_code)
        return self.code_embedding(ids) + self.code_position(torch.arange(ids.size(1), device=ids.device))

    def forward(self, prompt, prompt_lengths, text, text_lengths, codes, code_lengths, weight=None) -> Losses:
        """Sums of the cross-entropies of one micro-batch.

        prompt (batch, t, width) float; text (batch, n) and codes (batch, m) integer without specials, padded with
        anything; lengths (batch,); weight (batch,): 0 leaves a row out of every sum, None counts all.
        """
        hidden, text_start, code_start = self.hidden(prompt, prompt_lengths, text, text_lengths, codes, code_lengths)
        weight = torch.ones_like(text_lengths, dtype=torch.float32) if weight is None else weight.float()
        text_logits, text_row = self.logits(self.text_head, hidden, text_start, text_lengths + 1)
        code_logits, code_row = self.logits(self.code_head, hidden, code_start, code_lengths + 1)
        text_targets = targets(text, text_lengths, STOP_TEXT)
        code_targets = targets(codes, code_lengths, self.config.stop_code)
        text_loss = F.cross_entropy(text_logits.float(), text_targets, reduction="none")
        code_loss = F.cross_entropy(code_logits.float(), code_targets, reduction="none")
        text_weight, code_weight = weight[text_row], weight[code_row]
        right = (code_logits.detach().argmax(-1) == code_targets).float()
        return Losses(
            text=(text_loss * text_weight).sum(),
            codes=(code_loss * code_weight).sum(),
            text_targets=text_weight.sum(),
            code_targets=code_weight.sum(),
            codes_correct=(right * code_weight).sum(),
        )

    def hidden(self, prompt, prompt_lengths, text, text_lengths, codes, code_lengths) -> tuple[Tensor, Tensor, Tensor]:
        """Final-norm hidden states (batch, positions, dim), and where each row's `start` of text and codes stands."""
        parts = [self.condition(prompt, prompt_lengths), self.text_rows(text, text_lengths), self.code_rows(codes)]
        rows = torch.cat(parts, 1)
        prefix, text_width = parts[0].size(1), parts[1].size(1)
        text_start = torch.full_like(text_lengths, prefix)
        code_start = text_start + text_lengths + 2
        total = int((code_start + code_lengths).max()) + 1
        place = torch.arange(total, device=rows.device)[None].expand(rows.size(0), -1)
        # A row's codes follow its own stop token: skip the text's padding, which then ends up behind the codes.
        source = torch.where(place < code_start[:, None], place, place - code_start[:, None] + prefix + text_width)
        rows = rows.gather(1, source.clamp(max=rows.size(1) - 1)[..., None].expand(-1, -1, rows.size(2)))
        return self.norm(self.trunk(rows)), text_start, code_start

    def logits(self, head: nn.Linear, hidden: Tensor, start: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (Σ count, rows) at the `count` positions from `start` of each row, and the row each belongs to."""
        offset = torch.arange(int(count.max()), device=hidden.device)[None]
        row, column = (offset < count[:, None]).nonzero(as_tuple=True)
        return head(hidden[row, start[row] + column]), row

    @torch.no_grad()
    def code_latents(self, prompt, prompt_lengths, text, text_lengths, codes, code_lengths) -> Tensor:
        """Hidden states (batch, m, dim) at the positions that predict the codes: what IndexTTS-2's S2Mel hears beside
        them. Row i has `code_lengths[i]` that mean something."""
        hidden, _, start = self.hidden(prompt, prompt_lengths, text, text_lengths, codes, code_lengths)
        place = start[:, None] + torch.arange(codes.size(1), device=codes.device)
        return hidden.gather(1, place.clamp(max=hidden.size(1) - 1)[..., None].expand(-1, -1, hidden.size(2)))

    @torch.no_grad()
    def prefill(self, prompt, prompt_lengths, text, text_lengths, room: int) -> tuple[Tensor, KeyValueCache, Tensor]:
        """Runs conditioning and text once before generation.

        Returns the logits of the first code (batch, code_rows), a cache with `room` more positions, and the place
        (batch,) where each row's next position goes.
        """
        codes = text.new_zeros(text.size(0), 0)
        parts = [self.condition(prompt, prompt_lengths), self.text_rows(text, text_lengths), self.code_rows(codes)]
        rows = torch.cat(parts, 1)
        prefix, text_width = parts[0].size(1), parts[1].size(1)
        code_start = prefix + text_lengths + 2
        place = torch.arange(rows.size(1), device=rows.device)[None]
        source = torch.where(place < code_start[:, None], place, prefix + text_width)
        rows = rows.gather(1, source[..., None].expand(-1, -1, rows.size(2)))
        cache = self.trunk.new_cache(rows.size(0), rows.size(1) + room)
        hidden = self.norm(self.trunk(rows, cache))
        batch = torch.arange(rows.size(0), device=rows.device)
        return self.code_head(hidden[batch, code_start]), cache, code_start + 1

    @torch.no_grad()
    def next_logits(self, code: Tensor, index: int, cache: KeyValueCache, place: Tensor) -> Tensor:
        """Logits (batch, code_rows) after code number `index` (1 = the first) of each row was `code` (batch,)."""
        position = torch.tensor(index + self.config.generation_offset, device=code.device)
        row = self.code_embedding(code) + self.code_position(position)
        return self.code_head(self.norm(self.trunk(row[:, None], cache, place)))[:, 0]


def targets(ids: Tensor, lengths: Tensor, stop: int) -> Tensor:
    """`x₁…xₙ stop` of every row, one behind the other: (Σ lengths + 1,) from ids (batch, n)."""
    place = torch.arange(ids.size(1) + 1, device=ids.device)[None]
    ended = F.pad(ids, (0, 1), value=stop).masked_fill(place == lengths[:, None], stop)
    return ended[place <= lengths[:, None]]
