"""A folder of IndexTTS-2 in its real file formats, with a small GPT of the same structure and seeded weights."""

from pathlib import Path

import torch
import yaml
from text.base_models import base_model

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.gpt_parity import seeded_state
from amharic_tts.model.indextts2_config import gpt_section
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import Tokenizer, extend_vocabulary
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import count_words

PIECES, ADDED = 400, 330
SMALL = ModelConfig(
    text_rows=PIECES + 1, code_rows=34, dim=32, layers=2, heads=2, max_text=20, max_codes=40,
    conditioning=ConformerConfig(dim=16, linear_units=24, heads=2, blocks=2, perceiver_mult=1, latents=4),
    emotion=ConformerConfig(dim=8, linear_units=16, heads=2, blocks=1, perceiver_mult=1, latents=1, latent_dim=1024),
)  # fmt: skip


def settings(config: ModelConfig = SMALL) -> dict:
    """What config.yaml says, as far as this project reads it, and two sections that it hands on."""
    return {
        "dataset": {"bpe_model": "bpe.model", "sample_rate": 24000},
        "gpt": gpt_section(config) | {"mel_length_compression": 1024},
        "semantic_codec": {"codebook_size": 8192},
        "gpt_checkpoint": "gpt.pth",
        "w2v_stat": "wav2vec2bert_stats.pt",
        "s2mel_checkpoint": "s2mel.pth",
        "qwen_emo_path": None,
        "vocoder": {"type": "bigvgan", "name": "nvidia/bigvgan_v2_22khz_80band_256x"},
        "version": 2.0,
    }


def write_settings(directory: Path, values: dict) -> None:
    (directory / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def write_folder(directory: Path, config: ModelConfig = SMALL) -> None:
    """gpt.pth, config.yaml and bpe.model."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.save(seeded_state(config), directory / "gpt.pth")
    write_settings(directory, settings(config))
    (directory / "bpe.model").write_bytes(base_model(PIECES))


def extended_tokenizer() -> Tokenizer:
    """A vocabulary that extends the folder's."""
    front_end = TextFrontEnd()
    words = count_words(map(front_end.normalise, everyday_sentences()))
    return extend_vocabulary(Base(base_model(PIECES), "base"), words, front_end, PIECES + ADDED)
