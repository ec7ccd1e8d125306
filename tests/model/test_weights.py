"""A saved model: what was written comes back, and sizes that no one has meant are refused before anything is built."""

import json
from dataclasses import replace

import pytest
import torch

from amharic_tts.errors import InputError
from amharic_tts.model import weights
from amharic_tts.model.config import ENCODER_LIMITS, LIMITS, ConformerConfig, ModelConfig
from amharic_tts.model.lora import Lora, add_lora, merged
from amharic_tts.model.weights import load_state, read_sizes, save_model

LORA = Lora(rank=4, alpha=6.0)
ABSENT = object()


@pytest.fixture
def saved(tmp_path, tiny_model, tiny_config):
    save_model(tmp_path, tiny_model.state_dict(), tiny_config)
    return tmp_path


@pytest.fixture
def change(saved):
    """Writes other values, by their path, into model.json."""

    def write(**changes):
        path = saved / "model.json"
        sizes = json.loads(path.read_text())
        for place, value in changes.items():
            *parents, name = place.split("__")
            part = sizes
            for parent in parents:
                part = part[parent]
            if value is ABSENT:
                del part[name]
            else:
                part[name] = value
        path.write_text(json.dumps(sizes))
        return saved

    return write


def never(*_, **__):
    raise AssertionError("a model was built")


def test_a_model_comes_back(saved, tiny_model, tiny_config):
    state, config = load_state(saved)
    assert config == tiny_config
    assert state.keys() == tiny_model.state_dict().keys()
    assert all(torch.equal(value, tiny_model.state_dict()[name]) for name, value in state.items())


def test_a_model_with_adapters_comes_back_merged(tmp_path, tiny_model, tiny_config):
    add_lora(tiny_model, LORA, seed=0)
    save_model(tmp_path, tiny_model.state_dict(), tiny_config, LORA)
    assert read_sizes(tmp_path) == (tiny_config, LORA)
    expected = merged(tiny_model.state_dict(), LORA)
    state, _ = load_state(tmp_path)
    assert state.keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in state.items())


def test_the_sizes_of_the_defaults_and_of_both_limits_are_sound(tmp_path):
    assert ModelConfig().problems() == []
    for end in (0, 1):
        part = ConformerConfig(**{name: limits[end] for name, limits in ENCODER_LIMITS.items()})
        part = replace(part, heads=1, latent_dim=LIMITS["dim"][end])
        sizes = {name: limits[end] for name, limits in LIMITS.items()} | {"heads": 1}
        config = ModelConfig(**sizes, conditioning=part, emotion=replace(part, latents=1))
        assert config.problems() == []
        save_model(tmp_path, {}, config)
        assert read_sizes(tmp_path) == (config, None)


HOSTILE = [
    ("heads", 0),
    ("heads", True),
    ("heads", ABSENT),
    ("dim", "x"),
    ("dim", -1),
    ("dim", 1e30),
    ("dim", 10**30),
    ("dim", None),
    ("layers", 1.5),
    ("layers", 3000),
    ("layers", 60000),
    ("text_rows", 2**40),
    ("code_rows", 2**15 + 3),
    ("max_codes", [1]),
    ("dropout", "a"),
    ("dropout", float("nan")),
    ("dropout", 10**400),
    ("stored_conditioning", 1),
    ("generation_offset", 7),
    ("conditioning", None),
    ("conditioning__blocks", 10**6),
    ("conditioning__heads", 0),
    ("conditioning__kernel", 4),
    ("conditioning__latents", ABSENT),
    ("conditioning__surprise", 1),
    ("emotion", [3]),
    ("surprise", 1),
]


@pytest.mark.parametrize(("place", "value"), HOSTILE)
def test_hostile_sizes_are_refused_by_file_setting_and_value(change, monkeypatch, place, value):
    directory = change(**{place: value})
    monkeypatch.setattr(weights, "SpeechLM", never)
    with pytest.raises(InputError) as error:
        load_state(directory)
    assert str(directory / "model.json") in str(error.value)
    assert f"model.{place.replace('__', '.')}" in str(error.value)
    if isinstance(value, int | str) and not isinstance(value, bool) and "surprise" not in place:
        assert str(value)[:100] in str(error.value)


@pytest.mark.parametrize(
    ("lora", "setting"),
    [
        (ABSENT, "lora"),
        (False, "lora"),
        ({}, "lora.rank"),
        ({"rank": 0, "alpha": 1.0, "dropout": 0.0}, "lora.rank"),
        ({"rank": "4", "alpha": 1.0, "dropout": 0.0}, "lora.rank"),
        ({"rank": 4, "alpha": float("inf"), "dropout": 0.0}, "lora.alpha"),
        ({"rank": 4, "alpha": 1.0, "dropout": 1}, "lora.dropout"),
        ({"rank": 4, "alpha": 1.0, "dropout": 0.0, "target": "x"}, "lora.target"),
    ],
)
def test_hostile_sizes_of_adapters_are_refused(change, lora, setting):
    with pytest.raises(InputError, match=setting):
        load_state(change(lora=lora))


@pytest.mark.parametrize("layers", [1, 3, 256])
def test_layers_that_the_tensors_do_not_have_are_refused_before_a_model_is_built(change, monkeypatch, layers):
    monkeypatch.setattr(weights, "SpeechLM", never)
    with pytest.raises(InputError, match=rf"model\.safetensors.*model\.layers is {layers}, the tensors are of 2"):
        load_state(change(layers=layers))


def test_sizes_that_the_tensors_do_not_have_are_refused(change):
    with pytest.raises(InputError, match=r"does not fit model\.json; first difference: "):
        load_state(change(text_rows=41))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"null", b"\xff", b"[" * 10_000, b" " * 10**6, None])
def test_a_file_without_sizes_is_refused(saved, content):
    path = saved / "model.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=str(saved)):
        load_state(saved)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.9])
def test_damaged_tensors_are_refused(saved, share):
    path = saved / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="holds no usable model"):
        load_state(saved)
