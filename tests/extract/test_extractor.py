"""Features of a recording are the same in every batch, as long as the recording, and those of the base's own networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from extract.small_base import MODEL, sound, write_base
from model.indextts2_folder import write_folder
from transformers import Wav2Vec2BertModel

from amharic_tts.codec.indextts2.base_folder import SEMANTIC_CODEC, STATISTICS, W2V_BERT
from amharic_tts.codec.indextts2.semantic_codec import load_semantic_codec
from amharic_tts.errors import InputError
from amharic_tts.extract.extractor import Extractor, describe
from amharic_tts.model.import_gpt import import_base
from amharic_tts.model.indextts2_config import read_base_config
from amharic_tts.model.prompt_encoder import encoder_fingerprint
from amharic_tts.model.speech_lm import SpeechLM

SECONDS = (1.4, 0.31, 0.075, 0.9, 1.405, 0.5)


@pytest.fixture
def short_prompts(monkeypatch):
    """Prompts are cut after 1 s instead of 15."""
    monkeypatch.setattr("amharic_tts.codec.indextts2.decode.PROMPT_SECONDS", 1)


def close(one: np.ndarray, other: np.ndarray) -> bool:
    """To what float16 keeps."""
    return one.shape == other.shape and np.abs(one.astype(float) - other).max() <= 2e-3 * np.abs(other).max()


@pytest.mark.parametrize("conditioning", ["latents", "frames"])
def test_batch_and_single_results_are_equal(extractor, short_prompts, conditioning):
    """The most damaging bug of the earlier efforts: codes of a batch's padding were kept. Every row has the codes and the
    conditioning that it has alone, rows that are cut for their prompt included."""
    if conditioning == "frames":
        extractor = replace(extractor, encoder=None)
    waves = [sound(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    together = extractor.extract(waves)
    for wave, row in zip(waves, together):
        [alone] = extractor.extract([wave])
        assert row.codes.tolist() == alone.codes.tolist()
        assert close(row.conditioning, alone.conditioning)
        assert row.seconds == alone.seconds == len(wave) / 16_000
        assert abs(len(row.codes) / 50 - row.seconds) < 0.04
    assert len({len(row.codes) for row in together}) > 4
    assert np.unique(np.concatenate([row.codes for row in together])).size > 20


def test_a_batch_of_one_length_and_the_order_of_rows_change_nothing(extractor):
    waves = [sound(0.6, seed) for seed in range(3)]
    one, other = extractor.extract(waves), extractor.extract(waves[::-1])[::-1]
    assert [row.codes.tolist() for row in one] == [row.codes.tolist() for row in other]
    assert all(close(row.conditioning, again.conditioning) for row, again in zip(one, other))


@torch.no_grad()
def test_codes_and_latents_come_from_the_base_itself(base, extractor):
    """By another way: transformers' whole model, the semantic codec alone, and the encoders inside the language model."""
    wave = sound(0.8)
    [found] = extractor.extract([wave])
    heard = extractor.w2v_bert.filterbank([wave.numpy()], sampling_rate=16_000, return_tensors="pt")
    whole = Wav2Vec2BertModel.from_pretrained(base / W2V_BERT, local_files_only=True, dtype=torch.float32).eval()
    state = whole(**heard, output_hidden_states=True).hidden_states[17][:, : len(found.codes)]
    statistics = torch.load(base / STATISTICS, weights_only=True)
    features = (state - statistics["mean"]) / statistics["var"].sqrt()
    codes = load_semantic_codec(base / SEMANTIC_CODEC).encode(features)
    assert codes[0].tolist() == found.codes.tolist()
    model = SpeechLM(MODEL).eval()
    model.load_state_dict(import_base(base).state)
    prompt = model.prompt_encoder(features, torch.tensor([features.size(1)]))
    assert prompt.shape == (1, MODEL.stored_rows, MODEL.dim)
    assert close(found.conditioning, prompt[0].numpy())


def test_frames_are_the_standardised_features_of_the_beginning(extractor, short_prompts):
    extractor = replace(extractor, encoder=None)
    wave = sound(1.3)
    [found] = extractor.extract([wave])
    features, [length] = extractor.w2v_bert.features([wave[:16_000]])
    assert found.conditioning.dtype == np.float16
    assert found.conditioning.shape == (49, 1024)
    assert close(found.conditioning, features[0, :length].numpy())
    assert len(found.codes) == 64  # of the whole recording
    heard_whole = extractor.w2v_bert.features([wave])[0][0, :length].numpy()
    assert not close(found.conditioning, heard_whole)  # every frame hears the whole wave


def test_a_row_that_is_not_finite_does_not_spoil_its_neighbours(extractor):
    """Samples so large that their power overflows: sound numbers in the file, none behind the filterbank."""
    good = [sound(0.5, 1), sound(0.7, 2)]
    with np.errstate(all="ignore"):
        rows = extractor.extract([good[0], torch.full((16_000,), 3e38), good[1]])
    assert rows[1] is None
    for wave, row in zip(good, (rows[0], rows[2])):
        [alone] = extractor.extract([wave])
        assert row.codes.tolist() == alone.codes.tolist()
        assert close(row.conditioning, alone.conditioning)


def test_conditioning_beyond_float16_is_no_result(extractor, monkeypatch):
    waves = [sound(0.5, 1), sound(0.6, 2)]
    forward = extractor.encoder.forward
    scale = torch.tensor([1.0, 1e6])[:, None, None]
    monkeypatch.setattr(extractor.encoder, "forward", lambda frames, lengths: forward(frames, lengths) * scale)
    rows = extractor.extract(waves)
    assert rows[0] is not None
    assert rows[1] is None


def test_codes_that_do_not_fit_the_wave_are_an_error(extractor, monkeypatch):
    """The guard behind the trimming: were the lengths of the padded batch taken for those of its rows, it would say so."""
    features = type(extractor.w2v_bert).features

    def padded(self, waves):
        found, lengths = features(self, waves)
        return found, torch.full_like(lengths, found.size(1))

    monkeypatch.setattr(type(extractor.w2v_bert), "features", padded)
    with pytest.raises(ValueError, match=r"34 codes for 0\.500 s"):
        extractor.extract([sound(0.5), sound(0.7)])


# --- what the features are made with ----------------------------------------------------------------------------------


def test_the_record_follows_from_what_makes_the_features(base):
    config = read_base_config(base)
    latents, frames = describe(config, "latents"), describe(config, "frames")
    assert latents.codes == frames.codes
    assert latents.encoders == encoder_fingerprint(import_base(base).state)
    assert (latents.conditioning_rows, latents.conditioning_width) == (MODEL.stored_rows, MODEL.dim)
    assert (frames.encoders, frames.conditioning_rows, frames.conditioning_width) == ("", 0, 1024)
    assert latents.fingerprint != frames.fingerprint


def test_every_file_that_decides_the_codes_is_in_their_fingerprint(tmp_path):
    write_folder(tmp_path, MODEL)
    config = read_base_config(tmp_path)
    files = ["config.json", "preprocessor_config.json", "model.safetensors"]
    paths = [*(tmp_path / W2V_BERT / name for name in files), tmp_path / STATISTICS, tmp_path / SEMANTIC_CODEC]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"something")
    found = {describe(config, "frames").codes}
    for path in paths:
        path.write_bytes(b"another")
        found.add(describe(config, "frames").codes)
    assert len(found) == 1 + len(paths)


def test_a_base_that_is_not_whole_is_refused_by_name(tmp_path):
    write_base(tmp_path, layers=1)
    config = read_base_config(tmp_path)
    with pytest.raises(InputError, match="at least 17, not 1"):
        Extractor.load(config, "frames")
    (tmp_path / STATISTICS).unlink()
    with pytest.raises(InputError, match=r"wav2vec2bert_stats\.pt cannot be read .*tools/download_base\.py --out"):
        describe(config, "frames")
    state = torch.load(tmp_path / "gpt.pth", weights_only=True)
    del state["emo_layer.weight"]
    torch.save(state, tmp_path / "gpt.pth")
    with pytest.raises(InputError, match=r"gpt\.pth lacks 1 of .* emo_layer\.weight"):
        Extractor.load(config, "latents")


def test_a_language_model_for_other_codes_is_refused(base):
    config = read_base_config(base)
    values = config.values | {"semantic_codec": {"codebook_size": 4096}}
    with pytest.raises(InputError, match=r"semantic_codec\.codebook_size is '4096', 8192 is built in"):
        describe(type(config)(base, config.model, values), "frames")
