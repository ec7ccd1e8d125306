"""Where should the rows start that a vocabulary adds? `python tests/bench/vocabulary_start.py`, minutes on two cores.

A small model learns to speak numbers from romanised text. Its vocabulary is then extended by Ethiopic pieces, and
held-out numbers in Ethiopic letters are measured with the added rows started in several ways: before any step, and after
a few of fine-tuning on further numbers, the same for all. Lines in brackets are for comparison: the romanised texts with
the base vocabulary; these with each text put to another's speech, which is what not reading costs; and a model that has
learned nothing.

Figures are means over the held-out numbers: cross-entropy in nats, of codes for a code, of text for a whole text (so
that texts cut into other pieces compare), and the share of codes whose arg-max is right. ± is the standard deviation
over the seeds, which decide the noise and the order of fine-tuning; the base is trained once.

The scale: a model of under a million parameters, one synthetic voice (espeak-ng), 21 words. The base has met each of
them in this project's own romanisation, the one that spells the added pieces, so this is the best case for spelling: it
shows what of the base's reading the rows carry over, not what a base gains that never met Amharic.
"""

import argparse
import copy
import io
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import sentencepiece
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from amharic_tts.codec.mel_kmeans import fit_mel_kmeans
from amharic_tts.demo.corpus import SAMPLE_RATE, TRAINING_VOICES, CorpusOptions, plan_corpus
from amharic_tts.demo.espeak import speak
from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.model.vocabulary_growth import TABLES, Growth, grow_vocabulary
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import START, STOP, UNKNOWN, Tokenizer, extend_vocabulary
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import count_words
from amharic_tts.text.vocab.romanise import romanise

VOICE = TRAINING_VOICES[0]
FIT_WAVES = 300  # the codec is fitted on so many: more change it little
GPT2_DEVIATION = 0.02


@dataclass(frozen=True)
class Setting:
    """What is measured, and how much of it. Numbers that fine-tuning hears are none that the base has heard."""

    base_numbers: int = 800
    tuning_numbers: int = 200
    held_out: int = 120
    pieces: int = 56
    """Of the base vocabulary: too few for whole words."""
    added: int = 305
    """Pieces that the vocabulary grows by; all but some twenty are the letters of the syllabary."""
    clusters: int = 128
    dim: int = 128
    layers: int = 3
    batch: int = 24
    base_steps: int = 260
    base_rate: float = 2e-3
    tuning_steps: int = 50
    tuning_rate: float = 5e-4
    seeds: int = 3


class Spoken(NamedTuple):
    """A normalised text, its romanisation, and the codes (n,) of its speech."""

    text: str
    romanised: str
    codes: Tensor


class Corpus(NamedTuple):
    """What the base hears, what fine-tuning hears, and what is measured."""

    base: list[Spoken]
    tuning: list[Spoken]
    held_out: list[Spoken]


class Figures(NamedTuple):
    """Means over texts, as the table has them."""

    code_loss: float
    top1: float
    text_loss: float


Encode = Callable[[Spoken], list[int]]
State = dict[str, Tensor]


def speak_corpus(setting: Setting, front_end: TextFrontEnd) -> Corpus:
    """The demo's numbers, all in one voice: then there is nothing that a prompt would have to tell."""
    options = CorpusOptions(setting.base_numbers + setting.tuning_numbers, setting.held_out, sentences=0)
    train, held_out, _ = plan_corpus(options).values()
    parts = [train[: setting.base_numbers], train[setting.base_numbers :], held_out]
    waves = [[speak(one.spoken, VOICE, SAMPLE_RATE) for one in part] for part in parts]
    codec = fit_mel_kmeans(waves[0][:FIT_WAVES], setting.clusters)

    def spoken(text: str, wave: Tensor) -> Spoken:
        normal = front_end.normalise(text)
        return Spoken(normal, " ".join(filter(None, map(romanise, normal.split()))), codec.encode(wave).long())

    return Corpus(*([spoken(one.text, wave) for one, wave in zip(*both)] for both in zip(parts, waves)))


def latin_base(corpus: Corpus, pieces: int) -> Base:
    """A vocabulary of capitals without bytes, as IndexTTS-2's; each word counts once, so that numbers are cut as others."""
    words = sorted({word for one in corpus.base for word in one.romanised.upper().split()})
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=model, model_type="bpe", vocab_size=pieces, character_coverage=1.0,
        bos_id=START, eos_id=STOP, unk_id=UNKNOWN, pad_id=-1, num_threads=1, minloglevel=2,
    )  # fmt: skip
    return Base(model.getvalue(), "the Latin base")


def small_model(setting: Setting, text_rows: int, seed: int) -> SpeechLM:
    """A model without encoders: its prompt is one row of zeros."""
    torch.manual_seed(seed)
    latent = ConformerConfig(dim=2, linear_units=1, heads=1, blocks=1, latents=1)
    return SpeechLM(
        ModelConfig(
            text_rows=text_rows, code_rows=setting.clusters + 2, dim=setting.dim, layers=setting.layers, heads=4,
            max_text=120, max_codes=400, stored_conditioning=True, conditioning=latent, emotion=None, dropout=0.0,
        )
    )  # fmt: skip


def collate(rows: Sequence[Spoken], encode: Encode, dim: int) -> tuple[Tensor, ...]:
    """What `SpeechLM.forward` takes."""
    text, codes = [torch.tensor(encode(one)) for one in rows], [one.codes for one in rows]
    prompt, one_row = torch.zeros(len(rows), 1, dim), torch.ones(len(rows), dtype=torch.long)
    lengths = [torch.tensor([len(one) for one in ids]) for ids in (text, codes)]
    return prompt, one_row, pad_sequence(text, True), lengths[0], pad_sequence(codes, True), lengths[1]


def learn(model: SpeechLM, rows: list[Spoken], encode: Encode, steps: int, batch: int, rate: float, seed: int) -> None:
    """AdamW with warm-up and cosine, the loss that of the demo's recipe. The seed alone decides which rows come when."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.05)
    warm = max(1, steps // 10)
    share = lambda step: min(1.0, (step + 1) / warm) * (0.51 + 0.49 * math.cos(math.pi * step / steps))  # noqa: E731
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    generator = torch.Generator().manual_seed(seed)
    waiting: list[int] = []
    for _ in range(steps):
        while len(waiting) < batch:
            waiting += torch.randperm(len(rows), generator=generator).tolist()
        chosen, waiting = waiting[:batch], waiting[batch:]
        losses = model(*collate([rows[one] for one in chosen], encode, model.config.dim))
        optimizer.zero_grad()
        (0.1 * losses.text / losses.text_targets + losses.codes / losses.code_targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def measure(model: SpeechLM, rows: Sequence[Spoken], encode: Encode) -> Figures:
    """The figures of `rows`, with their texts in the ids that `encode` gives."""
    sums = torch.zeros(3, dtype=torch.float64)
    targets = 0.0
    for start in range(0, len(rows), 50):
        losses = model(*collate(rows[start : start + 50], encode, model.config.dim))
        sums += torch.stack([losses.codes, losses.codes_correct, losses.text]).double()
        targets += float(losses.code_targets)
    return Figures(float(sums[0]) / targets, float(sums[1]) / targets, float(sums[2]) / len(rows))


def exchanged(rows: Sequence[Spoken]) -> list[Spoken]:
    """Each row's codes with the text of the next."""
    return [row._replace(text=other.text, romanised=other.romanised) for row, other in zip(rows, [*rows[1:], rows[0]])]


def from_spelling(state: State, config: ModelConfig, tokenizer: Tokenizer, seed: int) -> State:
    """What training does."""
    return grow_vocabulary(state, config, tokenizer, seed)[0]


def from_spelling_alone(state: State, config: ModelConfig, tokenizer: Tokenizer, seed: int) -> State:
    plan = tokenizer.initialisation
    means = {table: torch.stack([state[table][list(row.sources)].mean(0) for row in plan.rows]) for table in TABLES}
    return _with_added(state, means, plan.base_size)


def from_all_rows(state: State, config: ModelConfig, tokenizer: Tokenizer, seed: int) -> State:
    """As `from_spelling`, with every ordinary row as each piece's spelling."""
    plan = tokenizer.initialisation
    rows = tuple(row._replace(sources=plan.ordinary) for row in plan.rows)
    alike = copy.copy(tokenizer)
    alike.initialisation = replace(plan, rows=rows)
    return grow_vocabulary(state, config, alike, seed)[0]


def at_random(state: State, config: ModelConfig, tokenizer: Tokenizer, seed: int) -> State:
    """Around zero, each column with the deviation that it has over the ordinary rows."""
    ordinary = list(tokenizer.initialisation.ordinary)
    return _drawn(state, tokenizer, seed, lambda table: table[ordinary].std(0))


def as_gpt2(state: State, config: ModelConfig, tokenizer: Tokenizer, seed: int) -> State:
    """Around zero, weights with GPT-2's deviation; biases zero."""
    return _drawn(state, tokenizer, seed, lambda table: torch.tensor(GPT2_DEVIATION if table.dim() > 1 else 0.0))


def _drawn(state: State, tokenizer: Tokenizer, seed: int, deviation: Callable[[Tensor], Tensor]) -> State:
    plan, generator = tokenizer.initialisation, torch.Generator().manual_seed(seed)
    tables = {name: state[name] for name in TABLES}
    shapes = {name: (len(plan.rows), *table.shape[1:]) for name, table in tables.items()}
    drawn = {name: torch.randn(shapes[name], generator=generator) * deviation(one) for name, one in tables.items()}
    return _with_added(state, drawn, plan.base_size)


def _with_added(state: State, added: dict[str, Tensor], base_size: int) -> State:
    return state | {name: torch.cat([state[name][:base_size], rows]) for name, rows in added.items()}


STARTS: dict[str, Callable[[State, ModelConfig, Tokenizer, int], State]] = {
    "mean of its spelling + noise (`grow_vocabulary`)": from_spelling,
    "mean of its spelling, no noise": from_spelling_alone,
    "mean of all rows + noise": from_all_rows,
    "random, measured σ": at_random,
    "random, σ = 0.02": as_gpt2,
}


@dataclass(frozen=True)
class Trained:
    """The base, and all that is needed to go on from it."""

    corpus: Corpus
    tokenizer: Tokenizer
    """The extended one."""
    model: SpeechLM
    latin: Encode
    ethiopic: Encode


def train_base(setting: Setting) -> Trained:
    """A model that has learned romanised texts, and the vocabulary that extends its own."""
    front_end = TextFrontEnd()
    corpus = speak_corpus(setting, front_end)
    base = latin_base(corpus, setting.pieces)
    before = Tokenizer(base.model, front_end, base.casing)
    words = count_words(one.text for one in (*corpus.base, *corpus.tuning))
    tokenizer = extend_vocabulary(base, words, front_end, base.size + setting.added)

    def latin(one: Spoken) -> list[int]:
        return before.encode_normalised(one.romanised)

    def ethiopic(one: Spoken) -> list[int]:
        return tokenizer.encode_normalised(one.text)

    model = small_model(setting, base.size, seed=0)
    learn(model, corpus.base, latin, setting.base_steps, setting.batch, setting.base_rate, seed=0)
    return Trained(corpus, tokenizer, model, latin, ethiopic)


def grown(trained: Trained, start: str, seed: int) -> SpeechLM:
    """The base with rows for the added pieces, started as `start` says."""
    config = trained.model.config
    state = STARTS[start](trained.model.state_dict(), config, trained.tokenizer, seed)
    model = SpeechLM(replace(config, text_rows=trained.tokenizer.size))
    model.load_state_dict(state)
    return model


def before_and_after(setting: Setting, trained: Trained, model: SpeechLM, encode: Encode, seed: int) -> list[float]:
    """Six figures: those of the model, and those after fine-tuning, whose steps the seed decides."""
    corpus = trained.corpus
    begin = measure(model, corpus.held_out, encode)
    learn(model, corpus.tuning, encode, setting.tuning_steps, setting.batch, setting.tuning_rate, seed)
    return [*begin, *measure(model, corpus.held_out, encode)]


def cell(values: Sequence[float], percent: bool) -> str:
    scale, digits = (100, 1) if percent else (1, 3)
    spread = f" ± {scale * statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{scale * statistics.mean(values):.{digits}f}{spread}"


def row(name: str, tries: Sequence[Sequence[float]]) -> str:
    """A line of the table from the figures of each seed."""
    return f"| {name} | " + " | ".join(cell(values, i % 3 == 1) for i, values in enumerate(zip(*tries))) + " |"


def describe(trained: Trained, growth: Growth) -> str:
    """What the table stands on."""
    corpus, tokenizer = trained.corpus, trained.tokenizer
    plan = tokenizer.initialisation
    used = [one for spoken in corpus.held_out for one in trained.ethiopic(spoken)]
    spelled = [len(plan.rows[one - plan.base_size].sources) for one in used if one >= plan.base_size]
    latin = statistics.mean(len(trained.latin(one)) for one in corpus.held_out)
    parameters = sum(one.numel() for one in trained.model.parameters())
    example = corpus.held_out[0]
    cut = [" ".join(tokenizer.pieces()[one] for one in encode(example)) for encode in (trained.latin, trained.ethiopic)]
    return (
        f"{parameters / 1e6:.2f} M parameters; {len(corpus.base)} texts for the base, {len(corpus.tuning)} for fine-tuning, "
        f"{len(corpus.held_out)} held out\n{growth}\na held-out text has {latin:.1f} base pieces, or "
        f"{len(used) / len(corpus.held_out):.1f} pieces of which {len(spelled) / len(used):.0%} are added, "
        f"each from {statistics.mean(spelled):.1f} base rows ({spelled.count(1) / len(spelled):.0%} from a single one): "
        f"{cut[0]} = {cut[1]}\n"
    )


def print_table(setting: Setting, trained: Trained) -> None:
    """Grows, measures and fine-tunes; each line is printed when it is known."""
    held_out, latin, ethiopic = trained.corpus.held_out, trained.latin, trained.ethiopic
    seeds = range(1, setting.seeds + 1)

    def line(name: str, models: Iterable[SpeechLM], encode: Encode) -> None:
        tries = [before_and_after(setting, trained, model, encode, seed) for seed, model in zip(seeds, models)]
        print(row(name, tries), flush=True)

    growth = grow_vocabulary(trained.model.state_dict(), trained.model.config, trained.tokenizer)[2]
    after = f"after {setting.tuning_steps} steps"
    print(describe(trained, growth))
    print(f"| added rows start from | code loss | top-1 % | text loss | code loss {after} | top-1 % | text loss |")
    print("|---|---|---|---|---|---|---|", flush=True)
    line("(romanised text, none added)", (copy.deepcopy(trained.model) for _ in seeds), latin)
    print(row("(romanised, texts exchanged)", [measure(trained.model, exchanged(held_out), latin)]) + " | | |")
    for start in STARTS:
        line(start, (grown(trained, start, seed) for seed in seeds), ethiopic)
    line("(nothing learned before)", (small_model(setting, trained.tokenizer.size, seed) for seed in seeds), ethiopic)


def main() -> None:
    """Trains the base and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for one in fields(Setting):
        kind = float if isinstance(one.default, float) else int
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=kind, default=one.default, help="%(default)s")
    setting = Setting(**vars(parser.parse_args()))
    begin = time.process_time()
    print_table(setting, train_base(setting))
    print(f"\n{time.process_time() - begin:.0f} s of processor time")


if __name__ == "__main__":
    main()
