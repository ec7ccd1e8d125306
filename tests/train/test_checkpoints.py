"""Checkpoints on disk: published whole or not at all, damage found, nothing good thrown away."""

import json

import pytest

from amharic_tts.errors import InputError
from amharic_tts.train import checkpoints
from amharic_tts.train.checkpoints import Progress, best, damage, digest, finish, newest_valid, published, rotate
from amharic_tts.train.monitors import JsonLines, read_events
from amharic_tts.train.run_lock import lock_run


def write(folder, step, score=None):
    staging = folder / ".staging"
    (staging / "deepspeed").mkdir(parents=True)
    (staging / "deepspeed/state.pt").write_bytes(bytes([step]) * 1000)
    (staging / "model.json").write_text("{}")
    return finish(staging, Progress(step, 0, 0, step, {"fingerprint": "x"}, "t", 1, score))


def spoil(checkpoint):
    path = checkpoint / "deepspeed/state.pt"
    content = bytearray(path.read_bytes())
    content[500] ^= 4
    path.write_bytes(content)


def test_every_kind_of_damage_is_named(tmp_path):
    state = "deepspeed/state.pt"
    for step, (harm, message) in enumerate((
        (lambda c: spoil(c), f"{state} does not match its checksum"),
        (lambda c: (c / state).write_bytes(b"x"), f"{state} has 1 bytes instead of 1000"),
        (lambda c: (c / state).unlink(), f"{state} is missing"),
        (lambda c: (c / "meta.json").unlink(), "meta.json is missing or damaged"),
        (lambda c: (c / "meta.json").write_text("{"), "meta.json is missing or damaged"),
        (lambda c: (c / "meta.json").write_text('{"format": 99}'), "format 99"),
    ), 1):  # fmt: skip
        checkpoint = write(tmp_path, step)
        assert damage(checkpoint) is None
        harm(checkpoint)
        assert message in damage(checkpoint)
    assert newest_valid(tmp_path)[0] is None


@pytest.mark.parametrize("place", ["{}/secret", "../secret", "deepspeed/../../secret", "link", "..", ".", "", "a\0b"])
def test_a_file_outside_the_folder_is_named_and_not_read(tmp_path, monkeypatch, place):
    """Even where it is what meta.json says: what leaves the folder is not the checkpoint's."""
    checkpoint, secret = write(tmp_path, 1), tmp_path / "secret"
    secret.write_bytes(b"x" * 9)
    (checkpoint / "link").symlink_to(secret)
    meta = json.loads((checkpoint / "meta.json").read_text())
    meta["files"] = {place.format(tmp_path): {"bytes": 9, "blake2b": digest(secret)}} | meta["files"]
    (checkpoint / "meta.json").write_text(json.dumps(meta))
    monkeypatch.setattr(checkpoints, "digest", lambda path: pytest.fail(f"{path} was read"))
    assert "meta.json" in damage(checkpoint)


@pytest.mark.parametrize("files", [None, [], [1], "x", {"model.json": None}, {"model.json": {"bytes": 2}}])
def test_what_is_no_list_of_files_is_damage(tmp_path, files):
    checkpoint = write(tmp_path, 1)
    meta = json.loads((checkpoint / "meta.json").read_text())
    (checkpoint / "meta.json").write_text(json.dumps(meta | {"files": files}))
    assert damage(checkpoint) is not None


def test_the_newest_undamaged_one_wins_and_an_unfinished_one_does_not_exist(tmp_path):
    good, bad = write(tmp_path, 1), write(tmp_path, 2)
    spoil(bad)
    (tmp_path / ".staging").mkdir()
    (tmp_path / ".staging/model.json").write_text("{}")
    chosen, passed = newest_valid(tmp_path)
    assert chosen == good
    assert len(passed) == 1
    assert "step-00000002" in passed[0]
    assert (tmp_path / "latest").read_text().strip() == bad.name


def test_rotation_keeps_the_last_the_best_and_every_nth(tmp_path):
    scores = {10: 3.0, 20: 1.5, 30: None, 40: 1.5, 50: 2.0, 60: None, 70: 2.5}
    for step, score in scores.items():
        newest = write(tmp_path, step, score)
        rotate(tmp_path, newest, keep=2, every=30)
    assert [int(path.name[5:]) for path in published(tmp_path)] == [70, 60, 30, 20]
    assert best(tmp_path).name == (tmp_path / "best").read_text().strip() == "step-00000020"


def test_rotation_keeps_the_newest_and_never_a_damaged_one_in_its_place(tmp_path):
    steps = [write(tmp_path, step) for step in (3, 6)]
    spoil(steps[1])
    newest = write(tmp_path, 4)  # continued from 3, after 6 was passed over
    rotate(tmp_path, newest, keep=1)
    assert published(tmp_path) == [newest]
    assert newest_valid(tmp_path)[0] == newest
    later = [write(tmp_path, step) for step in (5, 7, 9)]
    rotate(tmp_path, later[-1], keep=2)
    assert published(tmp_path) == [later[2], later[1]]


def test_a_run_folder_has_one_job(tmp_path):
    import os

    descriptor = lock_run(tmp_path / "run")
    with pytest.raises(InputError, match="another training job is at work"):
        lock_run(tmp_path / "run")
    os.close(descriptor)
    os.close(lock_run(tmp_path / "run"))


def test_figures_of_steps_that_will_be_done_again_are_taken_out(tmp_path):
    first = JsonLines(tmp_path, first_step=0)
    for step in (1, 2, 3):
        first.log({"event": "train", "step": step})
    first.close()
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"event": "train", "st')  # cut off by a crash
    again = JsonLines(tmp_path, first_step=2)
    again.log({"event": "train", "step": 3})
    again.close()
    assert [event["step"] for event in read_events(tmp_path / "metrics.jsonl")] == [1, 2, 3]
    JsonLines(tmp_path, first_step=0).close()
    assert read_events(tmp_path / "metrics.jsonl") == []
