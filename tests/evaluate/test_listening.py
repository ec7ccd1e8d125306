"""What the page plays and shows is what was evaluated."""

import base64
import io
import json
import shutil

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.errors import InputError
from amharic_tts.evaluate.evaluation import CONDITIONS, read_evaluation
from amharic_tts.evaluate.listening import differences, samples

words = st.text(alphabet="ሀለመሰ ", max_size=8).map(lambda text: " ".join(text.split()))


@given(words.filter(bool), words)
def test_the_pieces_spell_both_what_was_heard_and_what_was_meant(reference, hypothesis):
    pieces = differences(reference, hypothesis)
    assert "".join(text for kind, text in pieces if kind != "missing") == hypothesis
    kept = "".join(text for kind, text in pieces if kind in ("equal", "missing"))
    wrong = sum(len(text) for kind, text in pieces if kind == "wrong")
    assert len(kept) + wrong == len(reference)


def test_sound_is_that_of_the_wave_file(run_folder):
    directory = run_folder / "evaluation"
    evaluation = read_evaluation(directory)
    shown = samples(evaluation, directory, most=9)
    kept = [row for row in evaluation["rows"] if row["readings"]["real"]["wave"]]
    assert [one["text"] for one in shown] == [row["text"] for row in kept]
    for one, row in zip(shown, kept, strict=True):
        assert [reading["condition"] for reading in one["readings"]] == list(CONDITIONS)
        for reading in one["readings"]:
            data = base64.b64decode(reading["audio"].partition("base64,")[2])
            played, rate = soundfile.read(io.BytesIO(data), dtype="int16")
            stored, stored_rate = soundfile.read(
                directory / row["readings"][reading["condition"]]["wave"], dtype="int16"
            )
            assert rate == stored_rate
            assert abs(played.astype(int) - stored).max() <= 1


def test_no_more_rows_than_asked_for(run_folder):
    directory = run_folder / "evaluation"
    assert len(samples(read_evaluation(directory), directory, most=2)) == 2
    assert samples(read_evaluation(directory), directory, most=0) == []


@pytest.mark.parametrize("name", ["../../stolen.wav", "/etc/passwd", "real/absent.wav"])
def test_a_wave_outside_the_folder_or_absent_is_refused(run_folder, tmp_path, name):
    directory = tmp_path / "evaluation"
    shutil.copytree(run_folder / "evaluation", directory)
    shutil.copy(directory / "real/0000.wav", tmp_path.parent / "stolen.wav")
    evaluation = json.loads((directory / "evaluation.json").read_text())
    evaluation["rows"][0]["readings"]["real"]["wave"] = name
    with pytest.raises(InputError):
        samples(evaluation, directory, most=9)
