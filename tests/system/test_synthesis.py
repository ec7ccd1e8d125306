"""A trained run speaks through the command, and the sound is a function of text, voice and seed."""

import soundfile
from system.commands import done, tool


def speak(job, name, *arguments):
    done(tool("synthesize", *arguments, "--run", job.run, "--out", job.folder / name, "--max-codes", 40))
    return {p.name: soundfile.read(p)[0].tolist() for p in sorted(job.folder.glob(name.replace(".", "*.")))}


def test_the_same_seed_says_the_same_and_another_does_not(spoken):
    first, again = speak(spoken, "a.wav", "ሰላም"), speak(spoken, "b.wav", "ሰላም")
    other = speak(spoken, "c.wav", "ሰላም", "--seed", "1")
    assert first["a.wav"] == again["b.wav"] != other["c.wav"]
    assert len(first["a.wav"]) > 1000


def test_several_texts_make_several_files(spoken):
    files = speak(spoken, "n.wav", "አንድ", "ሁለት ሺህ")
    assert list(files) == ["n-0.wav", "n-1.wav"]


def test_a_recording_can_be_the_voice(spoken, corpus):
    recording = next((corpus.folder / "audio/synthetic_hana").glob("*.flac"))
    by_name = speak(spoken, "d.wav", "ሰላም", "--speaker", "synthetic_abel")
    by_voice = speak(spoken, "e.wav", "ሰላም", "--prompt", str(recording))
    assert by_name["d.wav"] != by_voice["e.wav"]
