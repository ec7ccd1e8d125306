"""The names and shapes of the seeded folder are those of the reference's own modules."""

import json
from pathlib import Path

import pytest
from full_size import published

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


@pytest.fixture(scope="module")
def golden() -> Path:
    if not GOLDEN.is_dir():
        pytest.skip("needs ../shared/golden, which is not here")
    return GOLDEN


def test_the_language_model_is_the_recorded_one(golden):
    recorded = json.loads((golden / "gpt_full_keys.json").read_text(encoding="utf-8"))
    assert published.gpt() == {key: tuple(shape) for key, shape in recorded.items()}


@pytest.mark.parametrize(
    ("part", "shapes", "prefix"),
    [
        ("semantic_codec", published.semantic_codec_file, ""),
        ("campplus", published.campplus_file, ""),
        ("s2mel", published.s2mel_file, "models."),
        ("bigvgan_weight_norm", published.vocoder_file, ""),
    ],
)
def test_the_networks_around_it_are_the_recorded_ones(golden, part, shapes, prefix):
    recorded = json.loads((golden / "decode_chain_keys.json").read_text(encoding="utf-8"))[part]
    assert shapes() == {key.removeprefix(prefix): tuple(shape) for key, shape in recorded.items()}
