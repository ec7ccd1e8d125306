"""The parity tool compares all that a folder holds, and fails when anything differs."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from model.indextts2_folder import SMALL

from amharic_tts.errors import InputError
from amharic_tts.golden import LIMIT, Finding, apart, seeded
from amharic_tts.model.generate import generate
from amharic_tts.model.gpt_parity import seeded_model, seeded_state
from amharic_tts.model.indextts2_config import gpt_section
from amharic_tts.model.parity import OTHERS, compare_folder, recordings
from amharic_tts.model.sampling import SamplingOptions

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
SIZES = replace(SMALL, layers=1, dim=48, heads=3, max_codes=25)
OUTPUTS = ("text_logits", "code_logits", "text_loss", "code_loss", "code_latents", "greedy_codes")


@torch.no_grad()
def record(folder: Path, name: str) -> None:
    """What the reference's recorder would write for another size, computed by the model itself."""
    model, g = seeded_model(SIZES), torch.Generator().manual_seed(0)
    features, lengths = torch.randn(2, 20, 1024, generator=g), torch.tensor([20, 20])
    recorded = {
        "semantic_features": features,
        "feature_lengths": lengths,
        "conditioning_latents": model.prompt_encoder.conditioning(features, lengths),
        "emotion_vector": model.prompt_encoder.emotion_vector(features, lengths),
    }
    for i in range(2):
        text = torch.randint(3, 400, (1, 7 + i), generator=g)
        codes = torch.randint(0, SIZES.start_code, (1, 11 - i), generator=g)
        n, m = text.size(1), codes.size(1)
        batch = (features[i : i + 1], lengths[i : i + 1], text, torch.tensor([n]), codes, torch.tensor([m]))
        hidden, *_ = model.hidden(*batch)
        losses = model(*batch)
        [said] = generate(model, *batch[:4], SamplingOptions(temperature=0, max_codes=40))
        recorded |= {
            f"s{i}_text_ids": text[0],
            f"s{i}_codes": codes[0],
            f"s{i}_text_logits": model.text_head(hidden[0, 6 : 7 + n]),  # behind 4 latents and 2 durations
            f"s{i}_code_logits": model.code_head(hidden[0, 8 + n : 9 + n + m]),
            f"s{i}_text_loss": losses.text / (n + 1),
            f"s{i}_code_loss": losses.codes / (m + 1),
            f"s{i}_code_latents": hidden[0, 8 + n : 8 + n + m],
            f"s{i}_greedy_codes": said.codes,
        }
    folder.mkdir(exist_ok=True)
    np.savez(folder / f"{name}.npz", **{key: value.numpy() for key, value in recorded.items()})
    (folder / f"{name}_config.json").write_text(json.dumps(gpt_section(SIZES)))
    keys = {key: list(value.shape) for key, value in seeded_state(SIZES).items()}
    (folder / f"{name}_keys.json").write_text(json.dumps(keys))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    record(folder, "gpt_other")
    return folder


@pytest.fixture
def folder(recorded, tmp_path) -> Path:
    shutil.copytree(recorded, tmp_path / "golden")
    return tmp_path / "golden"


def change(folder: Path, key: str, by) -> None:
    values = dict(np.load(folder / "gpt_other.npz"))
    values[key] = by(values[key])
    np.savez(folder / "gpt_other.npz", **values)


def failed(folder: Path) -> list[str]:
    return [
        result.finding.what if result.finding else result.trouble for result in compare_folder(folder) if not result.ok
    ]


def command(project: Path, folder: Path) -> subprocess.CompletedProcess:
    arguments = [sys.executable, project / "tools" / "check_parity.py", "--golden", folder]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")
def test_the_references_own_recordings(tmp_path):
    for path in GOLDEN.glob("gpt_*"):
        shutil.copy(path, tmp_path)
    results = list(compare_folder(tmp_path))
    assert failed(tmp_path) == []
    assert [result.name for result in results] == ["gpt_full"] + ["gpt_tiny"] * 15
    compared = {result.finding.what for result in results}
    assert {f"s{i}_{output}" for i in (0, 1) for output in OUTPUTS} <= compared
    assert {"conditioning_latents", "emotion_vector", "665 names and shapes", "227 names and shapes"} <= compared


def test_other_sizes_pass_with_a_line_each(project, recorded):
    done = command(project, recorded)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + 2 + 2 * len(OUTPUTS) + 1
    assert all(line.startswith("gpt_other") and "error" in line and line.endswith("ok") for line in lines[:-1])
    assert lines[-1].endswith(" 0 failed")


def test_the_exit_code_of_a_failure(project, folder):
    change(folder, "s1_text_logits", lambda value: value + 1e-3 * abs(value).max())
    done = command(project, folder)
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if line.endswith("FAIL")]
    assert "s1_text_logits" in line
    assert "0.001" in line
    assert done.stdout.splitlines()[-1].endswith(" 1 failed")


def test_the_exit_code_of_a_folder_without_recordings(project, tmp_path):
    done = command(project, tmp_path)
    assert done.returncode == 2
    assert "holds no recorded outputs" in done.stderr


@pytest.mark.parametrize("key", ["conditioning_latents", "emotion_vector", *(f"s0_{output}" for output in OUTPUTS[:5])])
def test_each_output_counts(folder, key):
    change(folder, key, lambda value: value * (1 + 2 * LIMIT))
    assert failed(folder) == [key]


@pytest.mark.parametrize("by", [lambda codes: codes[:-1], lambda codes: np.append(codes[:-1], (codes[-1] + 1) % 32)])
def test_greedy_codes_are_equal_or_not(folder, by):
    change(folder, "s0_greedy_codes", by)
    assert failed(folder) == ["s0_greedy_codes"]


def test_a_recorded_stop_code_is_no_difference(folder):
    change(folder, "s0_greedy_codes", lambda codes: np.append(codes, SIZES.stop_code))
    assert failed(folder) == []


def test_not_a_number_and_another_shape_fail(folder):
    change(folder, "s0_text_logits", lambda value: value * np.nan)
    change(folder, "s1_text_logits", lambda value: value[:-1])
    assert failed(folder) == ["s0_text_logits", "s1_text_logits"]


def test_names_and_shapes_count(folder):
    path = folder / "gpt_other_keys.json"
    keys = json.loads(path.read_text())
    path.write_text(json.dumps(keys | {"one.more": [3], "text_head.bias": [5]}))
    results = list(compare_folder(folder))
    assert results[0].finding.error == 2
    assert not results[0].ok


def test_keys_alone_are_compared(folder):
    for path in (folder / "gpt_other.npz", folder / "gpt_other_config.json"):
        path.unlink()
    [result] = compare_folder(folder)
    assert result.ok
    keys = json.loads((folder / "gpt_other_keys.json").read_text())
    (folder / "gpt_other_keys.json").write_text(json.dumps(keys | {"one.more": [3]}))
    [result] = compare_folder(folder)
    assert not result.ok


def test_outputs_without_a_comparison_are_not_passed_by_their_names(folder):
    (folder / "gpt_other_config.json").unlink()
    assert failed(folder) == ["no comparison is known for gpt_other.npz"]


def test_what_cannot_be_compared_fails_and_hides_nothing(folder, tmp_path):
    np.savez(folder / "another.npz", x=np.zeros(3))
    (folder / "broken_config.json").write_text("{}")
    results = list(compare_folder(folder))
    assert {result.name for result in results if not result.ok} == {"another", "broken"}
    assert sum(result.ok for result in results) == 3 + 2 * len(OUTPUTS)
    change(folder, "s1_codes", lambda value: value[:0].astype(object))  # a pickle: never loaded
    assert "stopped" in failed(folder)[-1]


def test_a_recording_without_outputs_fails(folder):
    with np.load(folder / "gpt_other.npz") as file:
        np.savez(folder / "gpt_other.npz", **{key: file[key] for key in file.files if not key.startswith("s")})
    assert "stopped: KeyError" in failed(folder)[0]


def test_another_comparison_can_be_added(folder, monkeypatch):
    def compare(directory: Path, name: str):
        yield Finding(f"{name} of {directory.name}", 0.5)

    np.savez(folder / "chain.npz", x=np.zeros(3))
    monkeypatch.setitem(OTHERS, "chain", compare)
    assert failed(folder) == ["chain of golden"]
    monkeypatch.setitem(OTHERS, "chain", lambda *_: iter(()))
    assert failed(folder) == ["nothing was compared"]


def test_names_of_recordings(tmp_path):
    for name in ("a_config.json", "a_keys.json", "a.npz", "b_keys.json", "c_d.npz", "README.md", "x.tsv"):
        (tmp_path / name).touch()
    assert recordings(tmp_path) == ["a", "b", "c_d"]
    with pytest.raises(InputError):
        list(compare_folder(tmp_path / "nothing"))


def test_the_rule_that_fills_weights():
    assert torch.equal(
        seeded("a.bias", [4]), 0.05 * torch.randn(4, generator=torch.Generator().manual_seed(1868061054))
    )
    assert seeded("norm.weight", (500,)).mean() == pytest.approx(1, abs=0.02)
    assert seeded("norm.weight", (5, 100)).mean() == pytest.approx(0, abs=0.02)
    assert seeded("x.running_var", (500,)).min() > 1
    assert seeded("x.bias", (500,), scale=0.02).std() == pytest.approx(0.02, rel=0.2)


def test_apart_is_relative_to_the_largest_magnitude():
    assert apart(torch.tensor([1.0, -4.0]), torch.tensor([1.1, -4.0])) == pytest.approx(0.025)
    assert apart(torch.zeros(2), torch.ones(3)) == float("inf")
    assert not Finding("x", float("nan")).ok
