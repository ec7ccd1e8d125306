"""The recogniser learns to read, keeps what it learned, and refuses what is not its own."""

import json
import math
import os
import random

import pytest
import torch

from amharic_tts.errors import InputError
from amharic_tts.evaluate import recogniser_training
from amharic_tts.evaluate.features import BANDS, log_mel
from amharic_tts.evaluate.recogniser import (
    Recogniser,
    RecogniserNetwork,
    RecogniserShape,
    SyllableHead,
    read_labels,
)
from amharic_tts.evaluate.recogniser_training import (
    RecogniserTraining,
    alphabet_of,
    measure_recordings,
    train_recogniser,
)
from amharic_tts.text.front_end import TextFrontEnd

SHAPE = RecogniserShape(width=48, blocks=2, kernel=5)
TRAINING = RecogniserTraining(epochs=8, batch_rows=4, learning_rate=6e-3)


def random_texts(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join("".join(draw.sample("ለመበተነ", k=3)) for _ in range(2)) for _ in range(count)]


@pytest.fixture(scope="session")
def trained(chords, tmp_path_factory):
    """(folder, rows, recogniser) of a training on 90 texts in chords."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("recogniser")
    rows = chords.rows(folder, random_texts(90, seed=1))
    return folder, rows, train_recogniser(rows, folder, folder / "out", TextFrontEnd(), SHAPE, TRAINING)


def test_reads_texts_it_has_not_heard(trained, chords, tmp_path):
    rows = chords.rows(tmp_path, random_texts(20, seed=2))
    assert measure_recordings(trained[2], rows, tmp_path, TextFrontEnd()).cer < 0.1


def test_what_is_loaded_reads_as_what_was_trained(trained, chords):
    folder, _, recogniser = trained
    waves = [chords.tone(text) for text in random_texts(6, seed=3)]
    loaded = Recogniser.load(folder / "out")
    assert loaded.transcribe(waves) == recogniser.transcribe(waves)
    assert TextFrontEnd.from_json(loaded.front_end_json) == TextFrontEnd()


def test_the_same_seed_gives_the_same_recogniser(trained, tmp_path):
    folder, rows, _ = trained
    short = RecogniserTraining(epochs=1, batch_rows=16)
    first, second = (
        train_recogniser(rows, folder, tmp_path / name, TextFrontEnd(), SHAPE, short).network.state_dict()
        for name in ("first", "second")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_training_leaves_the_callers_random_numbers_alone(trained, tmp_path):
    folder, rows, _ = trained
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_recogniser(rows[:8], folder, tmp_path / "out", TextFrontEnd(), SHAPE, RecogniserTraining(epochs=1))
    assert torch.equal(torch.rand(3), expected)


def test_a_row_reads_the_same_in_a_batch_as_alone():
    torch.manual_seed(0)
    network = RecogniserNetwork(SHAPE, "ለመበተነአሰደ").eval()
    rows = [torch.randn(length, BANDS) for length in (7, 40, 21)]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    together, times = network(padded, torch.tensor([len(row) for row in rows]))
    for i, row in enumerate(rows):
        alone, _ = network(row[None], torch.tensor([len(row)]))
        assert int(times[i]) == alone.shape[1] == -(-len(row) // 4)
        torch.testing.assert_close(together[i, : times[i]], alone[0])


def test_order_and_emptiness_of_waves_do_not_matter(trained, chords):
    waves = [chords.tone("ለመበ"), torch.zeros(0), chords.tone("ተነለ መበተ"), torch.zeros(16000)]
    recogniser = trained[2]
    assert recogniser.transcribe([]) == []
    heard = recogniser.transcribe(waves, batch_size=2)
    assert [recogniser.transcribe([wave])[0] for wave in waves] == heard
    assert recogniser.transcribe(waves[::-1]) == heard[::-1]


def test_labels_merge_repeats_and_drop_blanks():
    best = torch.tensor([0, 1, 1, 0, 1, 3, 3, 2, 0, 3])
    log_probs = torch.nn.functional.one_hot(best, 4).float()
    assert read_labels(log_probs, len(best), "አበ ") == "አአ በ"
    assert read_labels(log_probs, 3, "አበ ") == "አ"


def test_features_do_not_change_with_level_nor_with_what_is_too_quiet_to_hear(chords):
    wave = chords.tone("ለመበተ")
    noise = torch.randn(wave.shape, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(log_mel(wave * 0.1), log_mel(wave), atol=2e-2, rtol=0)
    assert (log_mel(wave + 1e-4 * noise) - log_mel(wave)).abs().mean() < 0.05


def test_an_interrupted_training_leaves_nothing_that_loads(trained, tmp_path, monkeypatch):
    folder, rows, _ = trained

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(recogniser_training, "save_file", stop)
    with pytest.raises(KeyboardInterrupt):
        train_recogniser(rows[:8], folder, tmp_path / "out", TextFrontEnd(), SHAPE, RecogniserTraining(epochs=1))
    with pytest.raises(InputError, match="train_recogniser"):
        Recogniser.load(tmp_path / "out")
    monkeypatch.undo()  # and the next one starts over what was left
    train_recogniser(rows[:8], folder, tmp_path / "out", TextFrontEnd(), SHAPE, RecogniserTraining(epochs=1))
    Recogniser.load(tmp_path / "out")


def test_damage_is_refused_with_the_command_that_mends_it(trained, tmp_path):
    _, _, recogniser = trained
    recogniser_training.save_recogniser(recogniser, tmp_path / "out", SHAPE)
    weights = tmp_path / "out" / "recogniser.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    with pytest.raises(InputError, match="train_recogniser"):
        Recogniser.load(tmp_path / "out")
    description = tmp_path / "out" / "recogniser.json"
    values = json.loads(description.read_text())
    for text in ("{", json.dumps(values | {"format": 99}), "[]"):
        description.write_text(text)
        with pytest.raises(InputError, match=r"recogniser\.json"):
            Recogniser.load(tmp_path / "out")


def test_no_rows_are_refused(tmp_path):
    with pytest.raises(InputError, match="empty"):
        train_recogniser([], tmp_path, tmp_path / "out", TextFrontEnd())


def test_the_alphabet_holds_the_texts_and_the_syllables_of_their_sounds():
    assert alphabet_of(["በአ", "አ ለ"]) == " ለበአ"
    # ቡ has the consonant of በ and the vowel of ሉ; ቢ has a vowel, and ሱ a consonant, that no text has.
    assert alphabet_of(["በ ሉ"], "ቡቢሱ") == " ሉበቡ"


def test_letters_share_what_is_learned_of_their_consonant_and_vowel():
    alphabet = " ለሉበቡ"
    scores = SyllableHead(8, alphabet)(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)))
    assert scores.shape == (5, 1 + len(alphabet))
    of = {letter: scores[:, 1 + i] for i, letter in enumerate(alphabet)}
    torch.testing.assert_close(of["ቡ"] - of["በ"], of["ሉ"] - of["ለ"])
    assert not torch.allclose(of["ቡ"], of["ሉ"])


def test_a_syllable_that_was_never_heard_is_read(chords, tmp_path):
    """Chords of two notes, one for the consonant and one for the vowel: ቡ is heard in the test alone."""
    letters = "ለሉሊላመሙሚማበቢባ"
    draw = random.Random(0)
    texts = ["".join(draw.choices(letters, k=5)) for _ in range(80)]
    rows = chords.rows(tmp_path, texts, voice=syllable_tone)
    training = RecogniserTraining(epochs=8, batch_rows=4, learning_rate=6e-3)
    recogniser = train_recogniser(rows, tmp_path, tmp_path / "out", TextFrontEnd(), SHAPE, training)
    assert recogniser.transcribe([syllable_tone("ለቡማ"), syllable_tone("ቡሊመ")]) == ["ለቡማ", "ቡሊመ"]


def syllable_tone(text: str) -> torch.Tensor:
    """A wave (samples,): 120 ms for each letter, a low note for its vowel and a high one for its consonant."""
    time = torch.arange(1920) / 16000
    pieces = []
    for letter in text:
        consonant, vowel = divmod(ord(letter) - 0x1200, 8)
        notes = [300 + 140 * vowel, 1800 + 190 * (consonant % 23)]
        pieces.append(sum(torch.sin(2 * math.pi * note * time) for note in notes) * torch.hann_window(len(time)))
    return 0.2 * torch.cat(pieces)
