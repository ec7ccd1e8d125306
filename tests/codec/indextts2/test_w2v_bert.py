"""w2v-bert up to a layer is the whole model up to that layer; a row of a padded batch is what it is alone."""

import hashlib
import json
import shutil

import pytest
import torch
from extract.small_base import PREPROCESSOR, sound, write_w2v_bert
from full_size import published
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2BertModel

from amharic_tts.codec.indextts2.base_folder import FEATURE_LAYER, FEATURES, SOURCES, STATISTICS, W2V_BERT
from amharic_tts.codec.indextts2.w2v_bert import (
    W2vBert,
    frames_of,
    left_out,
    load_filterbank,
    load_model,
    model_config,
)
from amharic_tts.codec.indextts2.weights import fill
from amharic_tts.errors import InputError

LAYERS = 3


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Five layers, of which three are used."""
    folder = tmp_path_factory.mktemp("base")
    write_w2v_bert(folder / W2V_BERT, 5)
    torch.save({"mean": torch.full((FEATURES,), 0.3), "var": torch.linspace(0.5, 2, FEATURES)}, folder / STATISTICS)
    return folder


@pytest.fixture(scope="module")
def w2v_bert(base):
    return W2vBert.load(base, layers=LAYERS)


@pytest.fixture
def copy(base, tmp_path):
    """The folder of w2v-bert, to be damaged."""
    return shutil.copytree(base / W2V_BERT, tmp_path / W2V_BERT)


@torch.no_grad()
def test_the_features_are_the_hidden_state_of_the_whole_model_standardised(base, w2v_bert):
    whole = Wav2Vec2BertModel.from_pretrained(base / W2V_BERT, local_files_only=True, dtype=torch.float32).eval()
    wave = sound(0.6)
    heard = w2v_bert.filterbank([wave.numpy()], sampling_rate=16_000, return_tensors="pt")
    states = whole(**heard, output_hidden_states=True).hidden_states
    assert len(states) == 6
    features, [length] = w2v_bert.features([wave])
    expected = (states[LAYERS][0, :length] - 0.3) / torch.linspace(0.5, 2, FEATURES).sqrt()
    torch.testing.assert_close(features[0, :length], expected, rtol=0, atol=1e-5)
    assert not torch.allclose(states[LAYERS], states[LAYERS - 1], atol=0.1)
    assert len(w2v_bert.model.encoder.layers) == LAYERS


def test_by_default_it_is_layer_17(base):
    with pytest.raises(InputError, match="num_hidden_layers must be at least 17, not 5"):
        W2vBert.load(base)


def test_a_row_of_a_padded_batch_is_what_it_is_alone(w2v_bert):
    """Odd and even numbers of filterbank frames, and the shortest wave that has a frame."""
    waves = [sound(seconds, seed) for seed, seconds in enumerate((1.1, 0.5, 0.035, 0.045, 0.83, 0.835))]
    together, lengths = w2v_bert.features(waves)
    assert lengths.tolist() == [frames_of(len(wave)) for wave in waves]
    assert len({(len(wave) - 240) // 160 % 2 for wave in waves}) == 2
    for wave, row, length in zip(waves, together, lengths):
        alone, [length_alone] = w2v_bert.features([wave])
        assert length == length_alone
        torch.testing.assert_close(row[:length], alone[0, :length], rtol=0, atol=1e-4)
        assert (row[length:] == 0).all()


def test_frames_are_whole_pairs_of_windows(w2v_bert):
    """The number that follows from a wave's length is that of the attention mask; 15 to 35 ms of speech lie beyond it."""
    for samples in (560, 719, 720, 879, 880, 16_000, 16_159, 16_160, 12_345):
        mask = w2v_bert.filterbank([sound(samples / 16_000).numpy()], sampling_rate=16_000)["attention_mask"]
        assert mask.sum() == frames_of(samples)
        assert 0.015 <= samples / 16_000 - frames_of(samples) / 50 < 0.035 + 1e-9
    assert frames_of(559) == frames_of(0) == 0


def test_a_wave_without_a_frame_is_an_error(w2v_bert):
    with pytest.raises(ValueError, match="wave 1 has 559 samples"):
        w2v_bert.features([sound(0.5), sound(0.5)[:559]])


# --- the published files ----------------------------------------------------------------------------------------------


def test_the_published_preprocessor_is_read(tmp_path):
    [published] = (file for one in SOURCES for file in one.files if file.path.endswith("preprocessor_config.json"))
    assert hashlib.sha256(PREPROCESSOR.encode()).hexdigest() == published.sha256
    path = tmp_path / "preprocessor_config.json"
    path.write_text(PREPROCESSOR)
    assert load_filterbank(path).to_dict()["stride"] == 2
    for name, other in (("stride", 1), ("sampling_rate", 8000), ("num_mel_bins", 128), ("padding_side", "left")):
        path.write_text(json.dumps(json.loads(PREPROCESSOR) | {name: other}))
        with pytest.raises(InputError, match=rf"preprocessor_config\.json: {name} must be"):
            load_filterbank(path)


def test_the_published_model_loads(tmp_path):
    """By its settings, and the names and shapes of its 773 tensors; the tensors themselves take no memory here."""
    (tmp_path / "config.json").write_text(json.dumps(published.W2V_BERT_CONFIG, indent=2) + "\n")
    [file] = (file for one in SOURCES for file in one.files if file.path == f"{W2V_BERT}/config.json")
    assert (tmp_path / "config.json").stat().st_size == file.size
    with torch.device("meta"):
        model = Wav2Vec2BertModel(model_config(tmp_path / "config.json", FEATURE_LAYER))
        tensors = {name: torch.empty(shape) for name, shape in published.w2v_bert().items()}
    assert len(tensors) == 773
    fill(model, tensors, {name: name for name in model.state_dict()}, left_out(FEATURE_LAYER), "the published file")
    left = [name for name in tensors if left_out(FEATURE_LAYER).fullmatch(name)]
    assert len(left) == 1 + 7 * len([name for name in tensors if name.startswith("encoder.layers.0.")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "bert"}, "model_type must be 'wav2vec2-bert'"),
        ({"hidden_size": 512}, "hidden_size must be 1024"),
        ({"position_embeddings_type": "rotary"}, "position_embeddings_type must be 'relative_key'"),
        ({"left_max_position_embeddings": 63}, "left_max_position_embeddings must be 64"),
        ({"hidden_act": "gelu"}, "hidden_act must be 'swish'"),
        ({"add_adapter": True}, "add_adapter must be False"),
        ({"layer_norm_eps": 1e-6}, "layer_norm_eps must be 1e-05"),
        ({"num_attention_heads": 3}, "num_attention_heads must divide 1024"),
        ({"num_attention_heads": None}, "num_attention_heads must be 1"),
        ({"intermediate_size": 10**12}, "intermediate_size must be 1"),
        (
            {"intermediate_size": 65_536},
            r"intermediate_dense\.weight has shape \(32, 1024\), \(65536, 1024\) is needed",
        ),
        ({"num_hidden_layers": 2}, "num_hidden_layers must be at least 3"),
        ([], "no JSON object"),
    ],
)
def test_settings_of_another_model_are_refused(copy, change, message):
    """Also sizes that its tensors do not have, before anything of that size is allocated."""
    values = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(values | change if change else change))
    with pytest.raises(InputError, match=message):
        load_model(copy, LAYERS)


def test_every_tensor_of_the_file_is_accounted_for(copy):
    path = copy / "model.safetensors"
    state = load_file(path)
    state = {name: value.clone() for name, value in state.items()}
    name = "encoder.layers.2.final_layer_norm.weight"
    for change, message in (
        ({"adapter.layers.0.ffn.weight": torch.ones(2)}, r"unknown 1 keys: adapter\.layers\.0"),
        ({name: None}, rf"lacks 1 keys: {name}"),
        ({name: torch.ones(1023)}, r"has shape \(1023,\)"),
        ({"encoder.layers.4.final_layer_norm.weight": None}, None),  # of a layer that is not used
        ({"encoder.layers.11.final_layer_norm.weight": torch.ones(2)}, None),
        ({"masked_spec_embed": None}, None),
    ):
        save_file({key: value for key, value in (state | change).items() if value is not None}, path)
        if message is None:
            load_model(copy, LAYERS)
            continue
        with pytest.raises(InputError, match=message):
            load_model(copy, LAYERS)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read as tensors"):
        load_model(copy, LAYERS)


def test_weights_of_fewer_bits_are_read_as_float32(copy):
    assert {str(value.dtype) for value in load_file(copy / "model.safetensors").values()} == {"torch.float8_e4m3fn"}
    assert {value.dtype for value in load_model(copy, LAYERS).state_dict().values()} == {torch.float32}
