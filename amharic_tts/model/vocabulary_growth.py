"""Text embedding, text head and its bias grown to a vocabulary that extends the base's.

Rows of the base's ids stay as they are, bit for bit. An added row starts as the mean of the base rows that spell its
piece (the plan of the tokenizer), plus normal noise. Measured is σ, the standard deviation of each column over the
base's ordinary pieces. The mean of k rows has only 1/k of that variance; the noise brings what is missing,
σ·√(1 − 1/k), so that added rows spread as the base's rows do and none stands out by its size. A row with one source
gets the noise of two: letters that sound alike have the same spelling, and should not start as the same row. Compare
Hewitt, "Initializing new word embeddings for pretrained language models" (2021), which draws from the mean and spread
of all rows.

IndexTTS-2's tables have one row more than its vocabulary has pieces, which no id ever reaches. It stays the last row,
so that `number_text_tokens` is the vocabulary's size again; the row before which it stood is now that of a new piece.
"""

import zlib
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import START_TEXT, STOP_TEXT
from amharic_tts.text.tokenizer import START, STOP, Tokenizer
from amharic_tts.text.vocab.initialisation import Initialisation

TABLES = ("text_embedding.weight", "text_head.weight", "text_head.bias")


@dataclass(frozen=True)
class Growth:
    """What was resized, and how; `str()` is for people."""

    before: int
    """Rows of the base's tables."""
    after: int
    base_size: int
    """Rows that were kept for the base's ids."""
    found: dict[str, int]
    """How the added rows start → their number."""
    deviation: dict[str, float]
    """Table → σ, root mean square over its columns."""

    def __str__(self) -> str:
        found = ", ".join(f"{count} {how}" for how, count in self.found.items())
        deviation = ", ".join(f"{table} {value:.4g}" for table, value in self.deviation.items())
        return (
            f"{len(TABLES)} tables from {self.before} to {self.after} rows: {self.base_size} kept, added by {found}; "
            f"standard deviation of {deviation}"
        )


def grow_vocabulary(
    state: dict[str, Tensor], config: ModelConfig, tokenizer: Tokenizer, seed: int = 0
) -> tuple[dict[str, Tensor], ModelConfig, Growth]:
    """A state dict whose text tables have a row for every id of `tokenizer`, its sizes, and what was done.

    The same seed gives the same rows. Other tensors are handed on, not copied. Raises InputError unless the tokenizer
    extends a base whose size is that of the tables or one less, with start 0 and stop 1.
    """
    plan = required_plan(tokenizer)
    spare = config.text_rows - plan.base_size
    if spare not in (0, 1):
        raise InputError(
            f"the vocabulary extends a base of {plan.base_size} pieces, but the model has {config.text_rows} text rows "
            f"(IndexTTS-2: pieces + 1): make it with `python tools/train_vocab.py --extend` and this model's bpe.model"
        )
    for table in TABLES:
        if state[table].size(0) != config.text_rows:
            raise ValueError(f"{table} has {state[table].size(0)} rows, the sizes say {config.text_rows}")
    grown, deviation = {}, {}
    for table in TABLES:
        generator = torch.Generator().manual_seed(zlib.crc32(f"{seed} {table}".encode()))
        grown[table], deviation[table] = grow_table(state[table], plan, generator)
    config = replace(config, text_rows=tokenizer.size + spare)
    growth = Growth(plan.base_size + spare, config.text_rows, plan.base_size, plan.found(), deviation)
    return state | grown, config, growth


def required_plan(tokenizer: Tokenizer) -> Initialisation:
    """The tokenizer's plan, if start and stop are where the model has them. Raises InputError otherwise."""
    plan = tokenizer.initialisation
    if plan is None:
        raise InputError(
            "this vocabulary extends no base model, so the base's rows would stand for other pieces: make one with "
            "`python tools/train_vocab.py --extend` and the base's bpe.model"
        )
    if (START, STOP) != (START_TEXT, STOP_TEXT) or not {START_TEXT, STOP_TEXT} <= tokenizer.special_ids():
        raise InputError(f"ids {START_TEXT} and {STOP_TEXT} of the vocabulary must be start and stop, as in the model")
    if plan.base_size + len(plan.rows) != tokenizer.size:
        raise InputError(f"the vocabulary has {tokenizer.size} ids, its plan {plan.base_size} + {len(plan.rows)}")
    return plan


def grow_table(table: Tensor, plan: Initialisation, generator: torch.Generator) -> tuple[Tensor, float]:
    """A table (rows, …) with the rows of `plan` put after those of the base's ids, and its σ."""
    table = table.detach().float().cpu()
    deviation = table[list(plan.ordinary)].std(0)
    means: dict[tuple[int, ...], Tensor] = {}  # many pieces start from all ordinary rows: their mean is taken once
    for row in plan.rows:
        if row.sources not in means:
            means[row.sources] = table[list(row.sources)].mean(0)
    mean = torch.stack([means[row.sources] for row in plan.rows])
    sources = torch.tensor([max(2, len(row.sources)) for row in plan.rows], dtype=torch.float32)
    share = (1 - 1 / sources).sqrt().view(-1, *[1] * (table.dim() - 1))
    added = mean + torch.randn(mean.shape, generator=generator) * deviation * share
    grown = torch.cat([table[: plan.base_size], added, table[plan.base_size :]])
    return grown, float(deviation.square().mean().sqrt())
