"""What goes out comes in again, and the reference finds its own keys, shapes and settings."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from model.indextts2_folder import ADDED, PIECES, SMALL, extended_tokenizer, settings, write_folder, write_settings
from safetensors.torch import load_file

from amharic_tts.errors import InputError
from amharic_tts.golden import seeded
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.export_gpt import export_gpt, to_reference
from amharic_tts.model.gpt_parity import seeded_state
from amharic_tts.model.import_gpt import import_base, import_gpt
from amharic_tts.model.indextts2_config import model_config, read_base_config
from amharic_tts.model.indextts2_keys import our_name, reference_name
from amharic_tts.model.indextts2_sizes import position_tables
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.text.tokenizer import Tokenizer

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("base")
    write_folder(directory)
    (directory / "s2mel.pth").write_bytes(b"tensors")
    return directory


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return extended_tokenizer()


@pytest.fixture(scope="module")
def imported(base, tokenizer):
    return import_base(base, tokenizer)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, imported, tokenizer) -> Path:
    directory = tmp_path_factory.mktemp("out") / "deep" / "export"
    export_gpt(imported.state, imported.config, tokenizer, imported.base, directory)
    return directory


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def refusal(*arguments) -> str:
    with pytest.raises(InputError) as caught:
        export_gpt(*arguments)
    return str(caught.value)


def test_import_of_export_is_the_same_bit_for_bit(exported, imported, tokenizer):
    again = import_base(exported, tokenizer)
    assert same(again.state, imported.state)
    assert again.config == imported.config
    assert again.account.growth is None  # it has this vocabulary already


def test_export_of_import_is_the_same_bit_for_bit(base):
    theirs = torch.load(base / "gpt.pth", weights_only=True)
    state, _ = import_gpt(base / "gpt.pth", SMALL)
    assert same(to_reference(state, SMALL), theirs)
    assert all(value.is_contiguous() for value in to_reference(state, SMALL).values())


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")
def test_recorded_keys_go_in_and_out(tmp_path):
    """The reference's own list of keys, filled by its rule: nothing of ours decides what the file holds."""
    config = model_config(json.loads((GOLDEN / "gpt_tiny_config.json").read_text()))
    keys = json.loads((GOLDEN / "gpt_tiny_keys.json").read_text())
    theirs = {k: position_tables(config)[k] if k.endswith(".pe") else seeded(k, shape) for k, shape in keys.items()}
    torch.save(theirs, tmp_path / "gpt.pth")
    assert same(to_reference(import_gpt(tmp_path / "gpt.pth", config)[0], config), theirs)


def test_any_state_of_ours_goes_out_and_in(tmp_path):
    """Also one that never was a reference's: what a run trained, in bf16."""
    torch.manual_seed(0)
    state = SpeechLM(SMALL).to(torch.bfloat16).state_dict()
    torch.save(to_reference(state, SMALL), tmp_path / "gpt.pth")
    again, _ = import_gpt(tmp_path / "gpt.pth", SMALL)
    assert same(again, {name: value.float() for name, value in state.items()})


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")
def test_names_both_ways_for_the_full_model():
    keys = json.loads((GOLDEN / "gpt_full_keys.json").read_text())
    learned = [key for key in keys if not key.endswith("pos_enc.pe")]
    assert [reference_name(our_name(key)) for key in learned] == learned
    with torch.device("meta"):
        names = list(SpeechLM(ModelConfig()).state_dict())
    assert sorted(map(reference_name, names)) == sorted(learned)


def test_both_files_hold_the_same(exported):
    assert same(torch.load(exported / "gpt.pth", weights_only=True), load_file(exported / "model.safetensors"))
    modes = {(exported / name).stat().st_mode for name in ("gpt.pth", "model.safetensors", "config.yaml")}
    assert len(modes) == 1


def test_the_table_has_one_row_more_than_the_settings_say(exported, tokenizer):
    """The reference makes its text tables with number_text_tokens + 1 rows."""
    values = yaml.safe_load((exported / "config.yaml").read_text())
    state = torch.load(exported / "gpt.pth", weights_only=True)
    assert values["gpt"]["number_text_tokens"] == tokenizer.size == PIECES + ADDED
    for key in ("text_embedding.weight", "text_head.weight", "text_head.bias"):
        assert state[key].size(0) == values["gpt"]["number_text_tokens"] + 1


def test_other_settings_stay(exported):
    values, before = yaml.safe_load((exported / "config.yaml").read_text()), settings()
    del values["gpt"]["number_text_tokens"], before["gpt"]["number_text_tokens"]
    assert values == before
    assert list(values) == list(before)


def test_settings_that_the_base_leaves_out_are_left_out(base, tmp_path, imported, tokenizer):
    values = settings()
    for name in ("types", "max_conditioning_inputs"):
        del values["gpt"][name]
    write_settings(tmp_path, values)
    export_gpt(imported.state, imported.config, tokenizer, read_base_config(tmp_path), tmp_path / "out")
    assert yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())["gpt"].keys() == values["gpt"].keys()


def test_the_tokenizer_comes_with_it(exported, tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    assert (exported / "bpe.model").read_bytes() == (tmp_path / "bpe.model").read_bytes()
    assert Tokenizer.load(exported).fingerprint == tokenizer.fingerprint


def test_other_files_are_handed_on_and_missing_ones_named(base, tmp_path, imported, tokenizer):
    missing = export_gpt(imported.state, imported.config, tokenizer, imported.base, tmp_path / "out")
    assert (tmp_path / "out" / "s2mel.pth").read_bytes() == b"tensors"
    assert [path.name for path in missing] == ["wav2vec2bert_stats.pt"]


def test_settings_cannot_put_another_file_over_ours(base, tmp_path, imported, tokenizer):
    before = (base / "gpt.pth").read_bytes()
    shifted = replace(imported.base, values=imported.base.values | {"w2v_stat": "gpt.pth"})
    assert "w2v_stat" in refusal(imported.state, imported.config, tokenizer, shifted, tmp_path / "out")
    assert (base / "gpt.pth").read_bytes() == before
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_there_is_left_alone(base, imported, tokenizer):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in base.iterdir())
    assert "not empty" in refusal(imported.state, imported.config, tokenizer, imported.base, base)
    assert "not empty" in refusal(imported.state, imported.config, tokenizer, imported.base, base / "gpt.pth")
    assert sorted((path.name, path.stat().st_mtime_ns) for path in base.iterdir()) == before


def test_a_vocabulary_of_another_size(tmp_path, base, tokenizer):
    plain = import_base(base)
    message = refusal(plain.state, plain.config, tokenizer, plain.base, tmp_path / "out")
    assert f"{PIECES + 1} text rows" in message
    assert f"{PIECES + ADDED} ids" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s | {"trunk.blocks.0.attention.out.lora_A.weight": torch.zeros(2)}, "lora_A"),
        (lambda s: {name: value for name, value in s.items() if name != "norm.bias"}, "final_norm.bias"),
        (lambda s: s | {"norm.bias": torch.zeros(3)}, "final_norm.bias"),
    ],
)
def test_a_state_that_does_not_fit(tmp_path, imported, tokenizer, change, said):
    message = refusal(change(imported.state), imported.config, tokenizer, imported.base, tmp_path / "out")
    assert said in message
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("change", [{"emotion": None}, {"conditioning_width": 80}])
def test_a_model_that_the_reference_cannot_be(tmp_path, imported, tokenizer, change):
    config = replace(imported.config, **change)
    assert "IndexTTS-2" in refusal(imported.state, config, tokenizer, imported.base, tmp_path / "out")


def test_nothing_is_left_of_an_export_that_failed(tmp_path, imported, tokenizer, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("amharic_tts.model.export_gpt.save_file", full)
    assert "No space left" in refusal(imported.state, imported.config, tokenizer, imported.base, tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_seeded_state_is_what_a_file_holds(base):
    assert same(torch.load(base / "gpt.pth", weights_only=True), seeded_state(SMALL))
