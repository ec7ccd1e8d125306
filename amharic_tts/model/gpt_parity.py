"""The GPT against recordings of the reference's, of any size."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amharic_tts.golden import Finding, apart, seeded
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.generate import generate
from amharic_tts.model.indextts2_config import model_config
from amharic_tts.model.indextts2_keys import COMPUTED, from_reference
from amharic_tts.model.indextts2_sizes import position_tables, reference_shapes, sizes_of
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.model.speech_lm import SpeechLM

GREEDY_CODES = 40
"""At most so many codes are recorded of a greedy generation."""


def seeded_state(config: ModelConfig) -> dict[str, Tensor]:
    """The seeded state of a reference GPT of these sizes, as its `gpt.pth` would hold it."""
    learned = {key: seeded(key, shape) for key, shape in reference_shapes(config).items()}
    return learned | position_tables(config)


def names_apart(keys: Mapping[str, list[int]], config: ModelConfig) -> Finding:
    """Recorded keys and shapes against those of a model of these sizes."""
    ours = reference_shapes(config) | {key: tuple(table.shape) for key, table in position_tables(config).items()}
    wrong = sum(ours.get(key) != tuple(keys.get(key, ())) for key in ours.keys() | keys.keys())
    return Finding(f"{len(keys)} names and shapes", wrong, 0)


def compare_names(folder: Path, name: str) -> Iterator[Finding]:
    """Keys and shapes alone: every one has its place in a model of the sizes that they show."""
    keys = json.loads((folder / f"{name}_keys.json").read_text(encoding="utf-8"))
    yield names_apart(keys, sizes_of({key: tuple(shape) for key, shape in keys.items()}, ModelConfig()))


@torch.no_grad()
def compare_gpt(folder: Path, name: str) -> Iterator[Finding]:
    """Conditioning, logits, losses, greedy codes and code latents of a GPT."""
    config = model_config(json.loads((folder / f"{name}_config.json").read_text(encoding="utf-8")))
    if (folder / f"{name}_keys.json").is_file():
        yield names_apart(json.loads((folder / f"{name}_keys.json").read_text(encoding="utf-8")), config)
    model = seeded_model(config)
    with np.load(folder / f"{name}.npz") as file:
        recorded = {key: torch.from_numpy(file[key]) for key in file.files}
    prompt, lengths = recorded["semantic_features"], recorded["feature_lengths"]
    yield Finding(
        "conditioning_latents",
        apart(model.prompt_encoder.conditioning(prompt, lengths), recorded["conditioning_latents"]),
    )
    yield Finding(
        "emotion_vector", apart(model.prompt_encoder.emotion_vector(prompt, lengths), recorded["emotion_vector"])
    )
    for i in samples(recorded):
        yield from compare_sample(model, recorded, i)


def seeded_model(config: ModelConfig) -> SpeechLM:
    """A model with seeded weights that handles padding of prompts as the reference does: recordings have it."""
    parts = {"conditioning": replace(config.conditioning, zero_padding=False)}
    if config.emotion is not None:
        parts["emotion"] = replace(config.emotion, zero_padding=False)
    with torch.device("meta"):
        model = SpeechLM(replace(config, **parts))
    learned = {key: value for key, value in seeded_state(config).items() if not COMPUTED.fullmatch(key)}
    model.load_state_dict(from_reference(learned), strict=True, assign=True)
    return model.eval()


def samples(recorded: Mapping[str, Tensor]) -> list[int]:
    """Numbers of the recorded samples."""
    return sorted(int(match[1]) for key in recorded if (match := re.fullmatch(r"s(\d+)_text_ids", key)))


def compare_sample(model: SpeechLM, recorded: Mapping[str, Tensor], i: int) -> Iterator[Finding]:
    """One text with its codes."""
    prompt, lengths = recorded["semantic_features"][i : i + 1], recorded["feature_lengths"][i : i + 1]
    text, codes = recorded[f"s{i}_text_ids"].long().flatten()[None], recorded[f"s{i}_codes"].long().flatten()[None]
    text_lengths, code_lengths = torch.tensor([text.size(1)]), torch.tensor([codes.size(1)])
    batch = (prompt, lengths, text, text_lengths, codes, code_lengths)
    hidden, text_start, code_start = model.hidden(*batch)
    text_logits, _ = model.logits(model.text_head, hidden, text_start, text_lengths + 1)
    code_logits, _ = model.logits(model.code_head, hidden, code_start, code_lengths + 1)
    losses = model(*batch)
    for what, ours in (
        ("text_logits", text_logits),
        ("code_logits", code_logits),
        ("text_loss", losses.text / losses.text_targets),
        ("code_loss", losses.codes / losses.code_targets),
        ("code_latents", code_latents(model, prompt, lengths, text, codes)),
    ):
        yield Finding(f"s{i}_{what}", apart(ours, recorded[f"s{i}_{what}"]))
    [said] = generate(
        model, prompt, lengths, text, text_lengths, SamplingOptions(temperature=0, max_codes=GREEDY_CODES)
    )
    expected = [code for code in recorded[f"s{i}_greedy_codes"].flatten().tolist() if code < model.config.start_code]
    wrong = sum(a != b for a, b in zip(said.codes.tolist(), expected, strict=False))
    yield Finding(f"s{i}_greedy_codes", wrong + abs(len(said.codes) - len(expected)), 0)


def code_latents(model: SpeechLM, prompt: Tensor, lengths: Tensor, text: Tensor, codes: Tensor) -> Tensor:
    """Hidden states (codes, dim) of one sample at the positions that predict its codes.

    As they were recorded: the latents of the prompt cut to its length, the emotion vector of the padded prompt. The stop
    codes that the reference appends are left out, for no position before them sees them.
    """
    rows = (
        model.prompt_encoder.conditioning(prompt[:, : int(lengths)], lengths)
        + model.prompt_encoder.emotion_vector(prompt, lengths)[:, None]
    )
    duration = model.duration_embedding.weight.flip(0)[None]
    parts = [rows, duration, model.text_rows(text, torch.tensor([text.size(1)])), model.code_rows(codes)]
    hidden = model.norm(model.trunk(torch.cat(parts, 1)))
    return hidden[0, -codes.size(1) - 1 : -1]
