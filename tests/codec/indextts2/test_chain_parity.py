"""The comparisons of the decoding chain pass on the recording and fail on anything else."""

import json
import shutil

import numpy as np
import pytest
import torch

from amharic_tts.codec.indextts2 import campplus, chain_parity
from amharic_tts.codec.indextts2.campplus import CAMPPlus
from amharic_tts.codec.indextts2.chain_parity import compare_chain, compare_style, names_apart


def test_every_recorded_output_is_compared_and_equal(golden):
    findings = list(compare_chain(golden, "decode_chain"))
    assert all(finding.ok for finding in findings), [str(finding) for finding in findings if not finding.ok]
    inputs = {
        "codec_features", "campplus_fbank", "s2mel_gpt_latent", "s2mel_semantic", "s2mel_ref_mel", "s2mel_style",
        "s2mel_prompt_cond", "s2mel_noise", "bigvgan_mel", "mel_wav",
    }  # fmt: skip
    outputs = set(np.load(golden / "decode_chain.npz").files) - inputs
    assert outputs <= {finding.what for finding in findings}
    parts = json.loads((golden / "decode_chain_keys.json").read_text())
    assert {f"{part} keys" for part in parts} <= {finding.what for finding in findings}


@torch.no_grad()
def test_a_changed_output_fails(chain, reference_keys):
    other = {"campplus_fbank": chain["campplus_fbank"], "campplus_style": chain["campplus_style"] * 1.001}
    assert [finding.ok for finding in compare_style(reference_keys["campplus"], other)] == [True, False]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, 0),
        ({"head.bn1.num_batches_tracked": []}, 0),
        ({"head.surprise": [1]}, 1),
        ({"head.conv1.weight": [32, 1, 5, 5]}, 1),
        ({"head.conv1.weight": None}, 1),
    ],
)
def test_names_and_shapes_are_compared(change, wrong):
    ours = CAMPPlus().state_dict()
    keys = {theirs: list(ours[name].shape) for theirs, name in campplus.reference_names().items()} | change
    keys = {key: shape for key, shape in keys.items() if shape is not None}
    finding = names_apart("campplus", keys, CAMPPlus(), campplus.reference_names(), campplus.UNUSED)
    assert finding.error == wrong
    assert finding.ok == (not wrong)


def test_a_recording_that_lacks_a_network_stops(golden, tmp_path):
    shutil.copy(golden / "decode_chain.npz", tmp_path / "chain.npz")
    (tmp_path / "chain_keys.json").write_text("{}")
    with pytest.raises(KeyError, match="semantic_codec"):
        list(chain_parity.compare_chain(tmp_path, "chain"))
