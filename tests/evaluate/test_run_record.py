"""A run's folder is read as it was written, whatever part of it is there."""

import json

import pytest

from amharic_tts.errors import InputError
from amharic_tts.evaluate.run_record import is_synthetic, read_run


def write_events(run, events):
    run.mkdir(exist_ok=True)
    (run / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def test_figures_of_each_validation_set_are_its_own(tmp_path):
    events = [
        {"event": "validation", "step": step, "set": name, "code_loss": step + len(name)}
        for step in (0, 10)
        for name in ("texts", "speaker")
    ]
    write_events(tmp_path / "run", events)
    points = read_run(tmp_path / "run").validation_points("code_loss")
    assert points == {"texts": [(0, 5), (10, 15)], "speaker": [(0, 7), (10, 17)]}


def test_a_line_cut_off_by_a_crash_and_missing_figures_are_gaps(tmp_path):
    write_events(tmp_path / "run", [{"event": "train", "step": 1}, {"event": "train", "step": 2, "grad_norm": 1.0}])
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write('{"event": "train", "st')
    assert read_run(tmp_path / "run").points("grad_norm") == [(1, None), (2, 1.0)]


def test_an_empty_folder_is_a_run_that_has_not_begun(tmp_path):
    record = read_run(tmp_path)
    assert (record.train, record.validation, record.start, record.recipe, record.data) == ([], [], {}, "", {})
    assert not is_synthetic(record, None)


def test_no_folder_and_an_unreadable_recipe_are_refused(tmp_path):
    with pytest.raises(InputError, match="make demo"):
        read_run(tmp_path / "absent")
    (tmp_path / "recipe.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"recipe\.yaml"):
        read_run(tmp_path)


def test_synthetic_speakers_are_known_from_the_data_or_from_the_evaluation(run_folder, tmp_path):
    assert is_synthetic(read_run(run_folder), None)
    record = read_run(tmp_path)
    assert is_synthetic(record, {"rows": [{"speaker": "synthetic_one"}]})
    assert not is_synthetic(record, {"rows": [{"speaker": "almaz"}]})
