"""A base checkpoint comes in whole, or is refused with what is wrong with it."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from model.indextts2_folder import PIECES, SMALL, extended_tokenizer, settings, write_folder, write_settings
from safetensors.torch import save_file
from text.base_models import base_model

from amharic_tts.errors import InputError
from amharic_tts.model.gpt_parity import seeded_state
from amharic_tts.model.import_gpt import import_base, import_gpt
from amharic_tts.model.indextts2_config import read_base_config
from amharic_tts.model.indextts2_keys import our_name
from amharic_tts.model.indextts2_sizes import position_tables, reference_shapes, sizes_of
from amharic_tts.model.speech_lm import SpeechLM

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
HEAD = "text_head.bias"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return seeded_state(SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("base")
    write_folder(directory)
    return directory


@pytest.fixture
def taken(tmp_path, state):
    """A function: what a file with this content imports as."""

    def take(content, name: str = "gpt.pth"):
        torch.save(content, tmp_path / name)
        return import_gpt(tmp_path / name, SMALL)

    return take


def refusal(call, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return str(caught.value)


def same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


# What comes in


def test_every_tensor_is_loaded_or_computed(folder, state):
    imported = import_base(folder)
    account = imported.account
    assert len(account.loaded) == len(reference_shapes(SMALL)) == len(imported.state)
    assert set(account.computed) == set(position_tables(SMALL))
    assert set(account.loaded) | set(account.computed) == state.keys()
    assert imported.config == SMALL
    SpeechLM(imported.config).load_state_dict(imported.state, strict=True)
    assert f"{len(state)} tensors" in str(account)
    assert f"loaded    {len(account.loaded)} (" in str(account)
    assert "pos_enc.pe" in str(account)


def test_layouts(folder, state):
    """GPT-2 keeps (in, out); a linear layer is (out, in). Pointwise convolutions lose their last axis."""
    ours = import_base(folder).state
    theirs = state["gpt.h.1.mlp.c_fc.weight"]
    assert theirs.shape == (SMALL.dim, 4 * SMALL.dim)
    assert torch.equal(ours["trunk.blocks.1.feed_up.weight"], theirs.T)
    assert ours["trunk.blocks.1.feed_up.weight"].is_contiguous()
    pointwise = state["conditioning_encoder.encoders.1.conv_module.pointwise_conv1.weight"]
    assert torch.equal(
        ours["prompt_encoder.conditioning.conformer.blocks.1.convolution.gate.weight"], pointwise[:, :, 0]
    )
    # square, so that its shape could not tell
    assert torch.equal(
        ours["prompt_encoder.conditioning.conformer.blocks.0.attention.query.weight"],
        state["conditioning_encoder.encoders.0.self_attn.linear_q.weight"],
    )
    assert torch.equal(ours["trunk.blocks.0.attention.out.weight"], state["gpt.h.0.attn.c_proj.weight"].T)


def test_safetensors_give_the_same(tmp_path, folder, state):
    save_file(state, tmp_path / "gpt.safetensors")
    assert same(import_gpt(tmp_path / "gpt.safetensors", SMALL)[0], import_base(folder).state)


@pytest.mark.parametrize("prefix", ["module.", "model.", "gpt.", "_orig_mod.", "module._orig_mod.", "module.gpt."])
def test_prefixes_of_trainers(taken, folder, state, prefix):
    found, account = taken({prefix + key: value for key, value in state.items()})
    assert same(found, import_base(folder).state)
    assert account.prefix == prefix
    assert repr(prefix) in str(account)


def test_containers_of_trainers(taken, folder, state):
    found, account = taken({"model": {"state_dict": state}, "optimizer": {"step": 3}, "epoch": 2})
    assert same(found, import_base(folder).state)
    assert account.passed_over == ("optimizer", "epoch")
    assert "optimizer, epoch" in str(account)


def test_second_names_of_a_module_that_has_spoken(taken, folder, state):
    """`post_init_gpt2_config` of the reference registers the trunk, tables and head again."""
    copies = {"gpt.wte.weight": "mel_embedding.weight", "inference_model.lm_head.1.bias": "mel_head.bias"}
    copies |= {f"inference_model.transformer.{key[4:]}": key for key in state if key.startswith("gpt.h.0.")}
    content = state | {copy: state[key] for copy, key in copies.items()}
    found, account = taken(content)
    assert same(found, import_base(folder).state)
    assert set(account.copies) == set(copies)
    content["gpt.wte.weight"] = state["mel_embedding.weight"] + 1
    assert "gpt.wte.weight should be a copy" in refusal(taken, content)


def test_causal_masks_of_old_versions_are_computed(taken, folder, state):
    mask = torch.ones(1, 1, 8, 8).tril().bool()
    found, account = taken(state | {"gpt.h.0.attn.bias": mask, "gpt.h.0.attn.masked_bias": torch.tensor(-1e4)})
    assert same(found, import_base(folder).state)
    assert "gpt.h.0.attn.bias" in account.computed


def test_half_precision_becomes_float32_and_is_said(taken, state):
    found, account = taken({key: value.half() for key, value in state.items()})
    assert all(value.dtype == torch.float32 for value in found.values())
    assert torch.equal(found["text_head.bias"], state[HEAD].half().float())
    assert account.types == {"float16": len(account.loaded)}
    assert "float16" in str(account)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")
@pytest.mark.parametrize("name", ["gpt_full", "gpt_tiny"])
def test_names_and_shapes_are_those_of_the_reference(name):
    keys = {k: tuple(v) for k, v in json.loads((GOLDEN / f"{name}_keys.json").read_text()).items()}
    config = sizes_of(keys, SMALL)  # nothing but heads and the like is taken from the other one
    tables = {key: tuple(value.shape) for key, value in position_tables(config).items()}
    assert reference_shapes(config) | tables == keys
    if name == "gpt_full":
        assert len(keys) == 665
        assert (config.layers, config.dim, config.text_rows, config.code_rows) == (24, 1280, 12001, 8194)


# What is refused


class Code:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_with_code_is_not_run(taken, tmp_path, state):
    message = refusal(taken, state | {HEAD: Code(tmp_path / "ran")})
    assert not (tmp_path / "ran").exists()
    assert "gpt.pth" in message
    assert "holds more than tensors" in message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_truncated_file(tmp_path, folder, state, share, suffix):
    path = tmp_path / f"gpt.{suffix}"
    if suffix == "pth":
        shutil.copy(folder / "gpt.pth", path)
    else:
        save_file(state, path)
    os.truncate(path, int(share * path.stat().st_size))
    assert str(path) in refusal(import_gpt, path, SMALL)


def test_no_file(tmp_path):
    assert "gpt.pth" in refusal(import_gpt, tmp_path / "gpt.pth", SMALL)


def test_missing_tensors_are_named(taken, state):
    message = refusal(taken, {key: value for key, value in state.items() if key != HEAD})
    assert HEAD in message
    assert "lacks 1 of" in message


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("speaker.weight", torch.zeros(3), "speaker.weight"),
        ("gpt.h.0.attn.c_attn.lora_A.weight", torch.zeros(3), "merge the LoRA"),
        ("perceiver_encoder.layers.2.0.to_q.weight", torch.zeros(3), "have no place"),
        ("gpt.h.00.ln_1.weight", torch.zeros(3), "layers is 2 in config.yaml, 3 in the weights"),
        (HEAD, torch.zeros(PIECES + 2), "text_head.bias is (402,), not (401,)"),
        ("gpt.h.0.mlp.c_fc.weight", torch.zeros(4 * SMALL.dim, SMALL.dim), "c_fc.weight is (128, 32), not (32, 128)"),
        ("gpt.h.0.mlp.c_fc.weight", torch.zeros(3), "c_fc.weight is (3,)"),
        (
            "text_embedding.weight",
            torch.zeros(PIECES, SMALL.dim),
            "text_rows is 401 in config.yaml, 400 in the weights",
        ),
        (HEAD, torch.full((PIECES + 1,), torch.nan), "not finite"),
        (HEAD, torch.zeros(PIECES + 1, dtype=torch.int64), "torch.int64"),
        (HEAD, torch.zeros(PIECES + 1, device="meta"), "no plain tensor"),
        (HEAD, 3, "no plain tensor"),
        ("conditioning_encoder.embed.pos_enc.pe", torch.zeros(1, 5000, 16), "table of sines"),
    ],
)
def test_a_wrong_tensor_is_named(taken, state, key, value, said):
    assert said in refusal(taken, state | {key: value})


def test_a_missing_layer_is_told_as_a_size(taken, state):
    message = refusal(taken, {key: value for key, value in state.items() if not key.startswith("gpt.h.1.")})
    assert "layers is 2 in config.yaml, 1 in the weights" in message


@pytest.mark.parametrize("content", [{}, [1, 2], {"model": {}}, {1: torch.zeros(2)}])
def test_no_tensors_by_name(taken, content):
    assert "holds no tensors by name" in refusal(taken, content)


# config.yaml


@pytest.mark.parametrize("setting", ["gpt_checkpoint", "w2v_stat", "s2mel_checkpoint", "emo_matrix", "qwen_emo_path"])
@pytest.mark.parametrize("name", ["../gpt.pth", "/etc/passwd", "a/../../x", "", 3, ["gpt.pth"], "link/x", "x\0y", "."])
def test_paths_stay_in_the_folder(tmp_path, setting, name):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "link").symlink_to(tmp_path)
    write_settings(tmp_path / "base", settings() | {setting: name})
    assert setting in refusal(read_base_config, tmp_path / "base")


def test_the_tokenizer_and_the_vocoder_stay_too(tmp_path):
    write_settings(tmp_path, settings() | {"dataset": {"bpe_model": "../bpe.model"}})
    assert "bpe_model" in refusal(read_base_config, tmp_path)
    for name in ("../vocoder", "/home/x", "a/../..", 3):
        write_settings(tmp_path, settings() | {"vocoder": {"name": name}})
        assert "vocoder.name" in refusal(read_base_config, tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", 0), ("layers", -1), ("layers", 10**9), ("layers", "24"), ("layers", True), ("layers", 2.0),
        ("layers", None), ("model_dim", 2**40), ("heads", 5), ("number_text_tokens", 2**30), ("number_mel_codes", 1),
        ("start_mel_token", 7), ("stop_mel_token", 32), ("start_text_token", 1), ("stop_text_token", 0),
        ("condition_type", "perceiver"), ("train_solo_embeddings", True), ("condition_num_latent", 0),
        ("condition_module", None), ("condition_module", {"output_size": 16}), ("speed", 1),
        ("emo_condition_module", {"num_blocks": 10**6}),
    ],
)  # fmt: skip
def test_absurd_and_unknown_sizes(tmp_path, name, value):
    values = settings()
    values["gpt"][name] = value
    write_settings(tmp_path, values)
    message = refusal(read_base_config, tmp_path)
    assert f"gpt.{name}" in message or name == "heads"
    assert len(message) < 2000


@pytest.mark.parametrize(
    "text",
    ["", "3", "[1, 2]", "gpt: 3\ndataset: {}", "gpt: {a: [", "!!python/object/apply:os.system ['touch ran']", "\x00",
     "[" * 5000, "a: &a [*a]\ngpt: *a\ndataset: *a"],
)  # fmt: skip
def test_no_settings(tmp_path, text, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(text)
    assert "config.yaml" in refusal(read_base_config, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_no_folder(tmp_path):
    assert "config.yaml" in refusal(read_base_config, tmp_path / "nothing")


def test_settings_that_do_not_fit_the_weights(tmp_path, folder):
    shutil.copytree(folder, tmp_path / "base")
    values = settings()
    values["gpt"] |= {"layers": 3, "number_text_tokens": PIECES + 1}
    write_settings(tmp_path / "base", values)
    message = refusal(import_base, tmp_path / "base")
    assert "layers is 3 in config.yaml, 2 in the weights" in message
    assert f"text_rows is {PIECES + 2} in config.yaml, {PIECES + 1} in the weights" in message


def test_a_vocabulary_of_another_base(tmp_path, folder):
    shutil.copytree(folder, tmp_path / "base")
    (tmp_path / "base" / "bpe.model").write_bytes(base_model(PIECES, lower=True))
    assert "extends a base with sha256" in refusal(import_base, tmp_path / "base", extended_tokenizer())
    (tmp_path / "base" / "bpe.model").unlink()
    assert "bpe.model" in refusal(import_base, tmp_path / "base", extended_tokenizer())


def test_our_names_are_unique():
    keys = list(reference_shapes(SMALL))
    assert len({our_name(key) for key in keys}) == len(keys)
    assert our_name("gpt.h.0.ln_1.weight.more") is None
