"""The evaluation compares like with like, keeps what it read, and speaks in the right voice."""

import itertools
import json
from dataclasses import replace

import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.mel_kmeans import fit_mel_kmeans
from amharic_tts.errors import InputError
from amharic_tts.evaluate.evaluation import (
    CONDITIONS,
    choose_rows,
    read_evaluation,
    require_embedded_codec,
    speaker_for,
    table,
)


@given(st.integers(0, 200), st.one_of(st.none(), st.integers(1, 300)))
def test_chosen_rows_are_different_in_order_and_spread(count, limit):
    rows = choose_rows(range(count), limit)
    assert len(rows) == (count if limit is None else min(limit, count))
    assert rows == sorted(set(rows))
    gaps = [b - a for a, b in itertools.pairwise(rows)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_a_row_is_spoken_by_its_own_speaker_where_the_model_knows_it(chords, tmp_path):
    row = chords.rows(tmp_path)[0]
    assert speaker_for(row, ["other", row.speaker]) == row.speaker
    assert speaker_for(row, []) is None
    strange = replace(row, speaker="nobody")
    assert speaker_for(strange, ["a", "b"]) == speaker_for(strange, ["a", "b"]) in ("a", "b")


def test_a_run_whose_codes_leave_the_voice_out_is_refused_before_it_is_loaded(tmp_path):
    """Nothing but the codec lies in these checkpoints."""
    embedded, borrowed = tmp_path / "embedded", tmp_path / "borrowed"
    fit_mel_kmeans([torch.randn(8000, generator=torch.Generator().manual_seed(0))], 8).save(embedded / "codec")
    IndexTTS2Codes(codes="c", encoders="e", conditioning="latents", conditioning_width=8, conditioning_rows=2).save(
        borrowed / "codec"
    )
    require_embedded_codec(embedded)
    with pytest.raises(InputError, match=r"^evaluate\.py listens .* only so far: .*borrowed .*synthesize\.py --prompt"):
        require_embedded_codec(borrowed)


def test_every_text_is_generated_once_in_its_voice_and_waves_go_back_to_their_rows(chords, tmp_path):
    synthesizer = chords.synthesizer(speakers=["synthetic_one", "synthetic_two"])
    evaluation = chords.evaluation(tmp_path, tmp_path / "run", synthesizer, wrong={})
    asked = {text: voice for texts, voice in synthesizer.asked for text in texts}
    assert asked == {row["text"]: row["speaker"] for row in evaluation["rows"]}
    assert sum(len(texts) for texts, _ in synthesizer.asked) == len(chords.texts)
    # The reader knows each text by its length: a wave given to another row would be read wrongly.
    assert [result["cer"] for result in evaluation["conditions"].values()] == [0.0, 0.0, 0.0]
    assert all(row["readings"]["generated"]["speaker"] == row["speaker"] for row in evaluation["rows"])


def test_what_is_written_is_what_is_returned_and_can_be_counted_again(chords, tmp_path):
    evaluation = chords.evaluation(tmp_path, tmp_path / "run", keep_waves=2)
    directory = tmp_path / "run" / "evaluation"
    assert read_evaluation(directory) == evaluation == json.loads((directory / "evaluation.json").read_text())
    for condition in CONDITIONS:
        result = evaluation["conditions"][condition]
        assert 0 < result["cer"] < 1
        assert result["rows"] == len(evaluation["rows"]) == len(chords.texts)
        assert result["characters"] == sum(len(row["reference"]) for row in evaluation["rows"])
        kinds = result["kinds"]
        assert {kind: part["rows"] for kind, part in kinds.items()} == {"numbers": 2, "sentences": 4}
        assert kinds["numbers"]["cer"] == 0.0
        assert kinds["sentences"]["cer"] * kinds["sentences"]["characters"] == pytest.approx(
            result["cer"] * result["characters"]
        )
        (worst,) = result["worst"]
        assert (worst["reference"], worst["hypothesis"], worst["text"]) == ("ውሀ ጠጣ", "ውሀ ጣ", "ውሃ ጠጣ")
        kept = [row["readings"][condition]["wave"] for row in evaluation["rows"]]
        assert sum(name is not None for name in kept) == 2
        assert sorted(filter(None, kept)) == sorted(
            str(path.relative_to(directory)) for path in (directory / condition).iterdir()
        )
        for row in evaluation["rows"]:
            reading = row["readings"][condition]
            if reading["wave"]:
                assert soundfile.info(directory / reading["wave"]).duration == pytest.approx(
                    reading["seconds"], abs=1e-3
                )


def test_texts_that_did_not_stop_are_counted_for_generated_speech_alone(chords, tmp_path):
    evaluation = chords.evaluation(tmp_path, tmp_path / "run")
    assert [evaluation["conditions"][c]["not_stopped"] for c in CONDITIONS] == [0, 0, 1]
    (row,) = [row for row in evaluation["rows"] if not row["readings"]["generated"]["stopped"]]
    assert "?" in row["text"]


def test_a_second_evaluation_replaces_the_first(chords, tmp_path):
    chords.evaluation(tmp_path, tmp_path / "run", keep_waves=6)
    evaluation = chords.evaluation(tmp_path, tmp_path / "run", keep_waves=1)
    assert len(list((tmp_path / "run" / "evaluation" / "real").iterdir())) == 1
    assert read_evaluation(tmp_path / "run" / "evaluation") == evaluation


def test_the_table_shows_each_rate_and_the_worst_lines(chords, tmp_path):
    evaluation = chords.evaluation(tmp_path, tmp_path / "run", wrong={})
    shown = table(evaluation)
    assert all(title in shown for title in CONDITIONS.values())
    assert "all read right" in shown
    evaluation["conditions"]["codec"] |= {"cer": 0.4321}
    assert "43.2%" in table(evaluation)


def test_no_evaluation_is_none_and_a_damaged_one_is_refused(tmp_path):
    assert read_evaluation(tmp_path) is None
    for text in ("{", "[]", '{"format": 99}'):
        (tmp_path / "evaluation.json").write_text(text)
        with pytest.raises(InputError, match=r"tools/evaluate\.py"):
            read_evaluation(tmp_path)
