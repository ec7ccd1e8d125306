"""A trained run is judged through the commands: recogniser, evaluation, report."""

import json
import shutil

import pytest
from system.commands import done, tool

from amharic_tts.data.manifest import read_manifest
from amharic_tts.evaluate.evaluation import CONDITIONS


@pytest.fixture(scope="module")
def recogniser(corpus, tmp_path_factory):
    """A recogniser that has hardly learned: enough to run what comes after it."""
    folder = tmp_path_factory.mktemp("recogniser") / "out"
    result = done(recogniser_command(corpus, folder))
    assert "CER" in result.stdout
    return folder


def recogniser_command(corpus, folder, *more):
    held_out = corpus.folder / "held_out_texts.jsonl"
    manifest = corpus.folder / "train.jsonl"
    return tool(
        "train_recogniser", "--manifest", manifest, "--out", folder, "--held-out", held_out, "--epochs", 1, *more
    )


def test_a_recogniser_that_is_there_is_not_trained_again_and_another_replaces_it(corpus, recogniser, tmp_path):
    before = (recogniser / "recogniser.safetensors").stat().st_mtime_ns
    again = done(recogniser_command(corpus, recogniser))
    assert "already" in again.stdout
    assert "CER" in again.stdout
    assert (recogniser / "recogniser.safetensors").stat().st_mtime_ns == before
    other = shutil.copytree(recogniser, tmp_path / "other")
    done(recogniser_command(corpus, other, "--seed", 1))
    assert (other / "recogniser.safetensors").read_bytes() != (recogniser / "recogniser.safetensors").read_bytes()


def test_a_run_is_evaluated_and_reported(corpus, spoken, recogniser):
    manifest = corpus.folder / "held_out_texts.jsonl"
    job = ("--run", spoken.run, "--manifest", manifest, "--recogniser", recogniser)
    result = done(tool("evaluate", *job, "--limit", 4, "--waves", 2, "--temperature", 0.5))
    evaluation = json.loads((spoken.run / "evaluation/evaluation.json").read_text())
    assert evaluation["step"] == 2
    assert evaluation["sampling"]["temperature"] == 0.5
    assert list(evaluation["conditions"]) == list(CONDITIONS)
    texts = {row.text: row.speaker for row in read_manifest(manifest)}
    assert len(evaluation["rows"]) == 4
    for row in evaluation["rows"]:
        assert texts[row["text"]] == row["speaker"] == row["readings"]["generated"]["speaker"]
    for condition, figures in evaluation["conditions"].items():
        assert f"{figures['cer']:.1%}" in result.stdout
        assert len(list((spoken.run / "evaluation" / condition).glob("*.wav"))) == 2
    done(tool("make_report", "--run", spoken.run, "--rows", 1))
    page = (spoken.run / "report.html").read_text()
    assert page.count("<audio") == 3
    assert "Synthetic speech corpus (espeak-ng)" in page
    assert "<polyline" in page


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("train_recogniser", {"--manifest": "absent.jsonl", "--out": "out"}, "make_demo_corpus"),
        ("evaluate", {"--run": "{run}", "--manifest": "{texts}", "--recogniser": "absent"}, "train_recogniser"),
        ("evaluate", {"--run": "absent", "--manifest": "{texts}", "--recogniser": "{recogniser}"}, "checkpoint"),
        ("make_report", {"--run": "absent"}, "make demo"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(
    corpus, spoken, recogniser, tmp_path, name, given, message
):
    places = {"texts": corpus.folder / "held_out_texts.jsonl", "run": spoken.run, "recogniser": recogniser}
    values = {key: value.format(**places) if "{" in value else tmp_path / value for key, value in given.items()}
    result = tool(name, *(part for pair in values.items() for part in pair))
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
