"""A base folder in its real file formats, as far as extraction reads it, with small seeded networks; and recordings."""

import json
from dataclasses import replace
from pathlib import Path

import torch
from full_size import published
from model.indextts2_folder import SMALL, write_folder
from safetensors.torch import save_file
from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

from amharic_tts.audio.files import write_wave
from amharic_tts.codec.indextts2.base_folder import FEATURES, SEMANTIC_CODEC, STATISTICS, W2V_BERT
from amharic_tts.codec.indextts2.semantic_codec import SemanticCodec, reference_names
from amharic_tts.data.manifest import Row, row_id, write_manifest

MODEL = replace(SMALL, code_rows=8194, max_codes=100)  # positions for 2 s of speech
PREPROCESSOR = json.dumps(published.PREPROCESSOR_CONFIG, indent=2) + "\n"
"""The published file, byte for byte."""


def write_base(directory: Path, layers: int = 18) -> None:
    """gpt.pth, config.yaml, bpe.model, w2v-bert with `layers` layers, its statistics, the semantic codec."""
    write_folder(directory, MODEL)
    write_w2v_bert(directory / W2V_BERT, layers)
    generator = torch.Generator().manual_seed(0)
    mean, variance = torch.randn(FEATURES, generator=generator), torch.rand(FEATURES, generator=generator) + 0.5
    torch.save({"mean": 0.1 * mean, "var": variance}, directory / STATISTICS)
    codec = SemanticCodec()
    for name, parameter in codec.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.02, generator=generator)
        elif parameter.dim() > 1:  # so large that every frame hears those beside it
            torch.nn.init.normal_(parameter, std=2 * parameter[0].numel() ** -0.5, generator=generator)
    (directory / SEMANTIC_CODEC).parent.mkdir(exist_ok=True)
    state = {theirs: codec.state_dict()[ours] for theirs, ours in reference_names().items()}
    save_small(state, directory / SEMANTIC_CODEC)


def write_w2v_bert(directory: Path, layers: int) -> None:
    """Everything small but the width, which is part of the format."""
    directory.mkdir(exist_ok=True)
    config = Wav2Vec2BertConfig(num_hidden_layers=layers, num_attention_heads=2, intermediate_size=32)
    with torch.device("meta"):
        model = Wav2Vec2BertModel(config)
    generator = torch.Generator().manual_seed(1)
    state = {}
    for name, place in model.state_dict().items():
        deviation = 0.1 if place.dim() == 1 else place[0].numel() ** -0.5
        gain = name.endswith("norm.weight")
        state[name] = deviation * torch.randn(place.shape, generator=generator) + gain
    save_small(state, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps(config.to_dict()))
    (directory / "preprocessor_config.json").write_text(PREPROCESSOR)


def save_small(state: dict[str, torch.Tensor], path: Path) -> None:
    """In eight bits a number: the published files have 32, and all are float32 once they are loaded."""
    save_file({name: value.to(torch.float8_e4m3fn) for name, value in state.items()}, path)


def sound(seconds: float, seed: int = 0) -> torch.Tensor:
    """A gliding tone in noise, (samples,) at 16 kHz: no two frames are alike."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(seconds * 16_000)) / 16_000
    tone = torch.sin(2 * torch.pi * (150 + 40 * seed % 300 + 400 * time) * time)
    return 0.3 * tone + 0.1 * torch.randn(len(time), generator=generator)


def write_corpus(folder: Path, seconds: list[float]) -> list[Row]:
    """Recordings of these lengths, and manifest.jsonl."""
    rows = []
    for number, length in enumerate(seconds):
        wave, text = sound(length, number), f"ቁጥር {number}"
        write_wave(folder / f"{number}.wav", wave, 16_000)
        uid = row_id(wave, text)
        rows.append(Row(id=uid, audio=f"{number}.wav", text=text, speaker="a", recording="r", duration=length))
    write_manifest(folder / "manifest.jsonl", rows)
    return rows
