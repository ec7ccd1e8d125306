"""Bad input to training and synthesis ends with one clear message and exit code 2, never with a traceback."""

import json
import os
import re
import shutil
import sys

import pytest
import soundfile
from system.commands import PROJECT, call, done, tool

from amharic_tts.train.run_lock import lock_run


def refused(result, message: str) -> None:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert re.search(message, result.stderr), result.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_an_unknown_recipe_key(new_job, ranks):
    """Also on two ranks, through the launcher: one message, and its exit code."""
    refused(new_job(run={"stpes": 3}).train(ranks=ranks), r"unknown key 'run.stpes' \(did you mean 'steps'\?\)")


def test_an_unknown_deepspeed_key(new_job):
    job = new_job(machine={"gradient_clippin": 1.0})
    refused(job.train(), r"unknown key 'gradient_clippin' \(did you mean 'gradient_clipping'\?\)")


def test_a_deepspeed_block_with_an_unknown_key(new_job):
    refused(new_job(machine={"zero_optimization": {"stage": 2, "overlap_com": True}}).train(), "overlap_com")


def test_shards_of_another_tokenizer(new_job, corpus, tmp_path):
    other = tmp_path / "tokenizer"
    done(tool("train_vocab", "--manifest", corpus.folder / "train.jsonl", "--out", other, "--size", 610))
    made_with = ("--tokenizer", other, "--codec", corpus.folder / "codec")
    manifest = corpus.folder / "held_out_texts.jsonl"
    done(tool("build_shards", "--manifest", manifest, "--out", tmp_path / "shards", *made_with))
    job = new_job(data={"validation": {"other": str(tmp_path / "shards")}})
    refused(job.train(), "packed with another tokenizer")


@pytest.mark.parametrize("spoil", ["missing", "empty", "letter"])
def test_rows_that_cannot_be_packed(corpus, tmp_path, spoil):
    """A recording that is not there, one of no length, text outside the alphabet: the row is named."""
    line = json.loads((corpus.folder / "held_out_texts.jsonl").read_text().splitlines()[0])
    recording = tmp_path / "a.flac"
    if spoil == "empty":
        soundfile.write(recording, [], 16000)
    elif spoil == "letter":
        shutil.copy(corpus.folder / line["audio"], recording)
        line["text"] += " 人"
    (tmp_path / "m.jsonl").write_text(json.dumps(line | {"audio": "a.flac"}) + "\n")
    made_with = ("--tokenizer", corpus.folder / "tokenizer", "--codec", corpus.folder / "codec")
    result = tool("build_shards", "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "shards", *made_with)
    refused(result, {"missing": "a.flac", "empty": "a.flac", "letter": "人"}[spoil])


def test_a_damaged_tokenizer_in_the_shards(new_job, corpus, tmp_path):
    shards = tmp_path / "shards"
    shutil.copytree(corpus.shards / "train", shards)
    front_end = shards / "tokenizer/front_end.json"
    front_end.write_text(front_end.read_text().replace("true", "false", 1))
    refused(new_job(data={"train": str(shards)}).train(), "front")


def test_the_main_job_without_its_data_names_the_command_that_makes_it(tmp_path):
    """The main command of the project on a machine that has no shards yet."""
    main = (sys.executable, "launch/train.py", "--deepspeed_config", "ds_configs/t4.json")
    result = call(*main, "--set", f"data.train={tmp_path}/none")
    refused(result, r"there are no shards in \S+; make them with `python tools/build_shards.py")
    full = (PROJECT / "launch/recipes/full.yaml").read_text()
    assert "train: shards/train" in full


def test_a_precision_that_the_machine_lacks(new_job):
    """A T4's file on a CPU. A CPU with fp16 arithmetic of its own would be right to run it."""
    from deepspeed.accelerator import get_accelerator

    if get_accelerator().is_fp16_supported():
        pytest.skip("this machine computes in fp16")
    command = new_job().command(1)
    command[command.index("--deepspeed_config") + 1] = "ds_configs/t4.json"
    refused(call(*command), "wants fp16, which this machine's CPU cannot compute: choose another file of ds_configs/")


def test_rows_longer_than_the_model(new_job):
    refused(new_job(model={"max_codes": 5}).train(), "above the model's max_codes = 5: raise model.max_codes")


def test_rows_longer_than_a_micro_batch(new_job):
    job = new_job(machine={"amharic_tts": {"micro_batch_tokens": 20}})
    refused(job.train(), "above the token budget of 20")


def test_resume_never_refuses_a_folder_with_checkpoints(new_job):
    job = new_job(run={"steps": 3})
    done(job.train())
    result = call(*job.command(1), "--resume", "never")
    refused(result, "has checkpoints up to step-00000003")
    assert (job.run / "checkpoints/step-00000003/meta.json").is_file()


def test_synthesis_without_a_checkpoint(tmp_path):
    refused(tool("synthesize", "ሰላም", "--run", tmp_path, "--out", tmp_path / "a.wav"), "has no checkpoint")


def test_synthesis_of_what_cannot_be_read(spoken, tmp_path):
    out = tmp_path / "a.wav"
    for arguments, message in (
        (["人"], "人"),
        (["  "], "no letter or number to read"),
        (["ሰላም", "--speaker", "nobody"], "no speaker 'nobody'; it has: synthetic_abel"),
        (["ሰላም", "--top-p", "0"], "top_p cannot be 0"),
        (["ሰላም " * 200], "tokens long, the model takes 120"),
        (["ሰላም", "--step", "99"], "no checkpoint of step 99"),
    ):
        refused(tool("synthesize", *arguments, "--run", spoken.run, "--out", out), message)
        assert not out.exists()


def test_a_second_job_in_the_same_run_folder(new_job):
    """Refused on two ranks, although only rank 0 holds the lock: nobody is left waiting."""
    job = new_job()
    held = lock_run(job.run)
    try:
        refused(job.train(ranks=2, deadline=120), "another training job is at work")
    finally:
        os.close(held)
    assert not (job.run / "metrics.jsonl").exists()
