"""The page is whole, stands alone, and says what is missing."""

import re

import pytest

from amharic_tts.errors import InputError
from amharic_tts.evaluate.evaluation import CONDITIONS, read_evaluation
from amharic_tts.evaluate.report import duration, make_report

NOTICE = "Synthetic speech corpus (espeak-ng), for demonstration"


@pytest.fixture(scope="module")
def page(run_folder, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    make_report(run_folder, out)
    return out.read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_from_outside(page):
    addresses = re.findall(r"""(?:src|href|action|data)\s*=\s*["']([^"']*)""", page)
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"url\(|@import|https?://|<script|<iframe|<link(?! rel=\"icon\")", page)


def test_every_kept_row_can_be_heard_and_seen_in_every_condition(page, run_folder):
    rows = [row for row in read_evaluation(run_folder / "evaluation")["rows"] if row["readings"]["real"]["wave"]]
    assert page.count("<audio controls") == page.count("<img ") == 3 * len(rows) > 0
    for condition in CONDITIONS:
        assert page.count(f'data-condition="{condition}"') == len(rows)
    for row in rows:
        assert f'<span lang="am">{row["text"]}</span>' in page


def test_the_figures_on_the_page_are_those_of_the_evaluation(page, run_folder):
    for result in read_evaluation(run_folder / "evaluation")["conditions"].values():
        assert page.count(f"{result['cer'] * 100:.1f} %") >= 2  # in the headline and in the table
    table = page[page.index('<table id="rates">') :]
    assert table.index("recording</td>") < table.index("recording through the codec</td>") < table.index("generated")


def test_the_worst_lines_show_what_was_not_heard(page):
    assert page.count('<del title="not heard">ጠ</del>') >= 3


def test_all_curves_are_drawn(page):
    titles = re.findall(r'<svg[^>]*aria-label="([^"]*)"', page)
    for name in ("Code loss", "Text loss", "Learning rate", "Throughput", "Gradient norm", "Padding share"):
        assert sum(title.startswith(name) for title in titles) == 1
    assert "held out texts" in page


def test_machine_versions_and_configuration_are_on_the_page(page):
    for text in ("2.11.0", "0.19.8", "dim: 256", "zero_optimization", "3.4 M"):
        assert text in page


def test_synthetic_speech_is_said_before_anything_else(page):
    assert page.index(NOTICE) < page.index("CER")


def test_speech_of_people_is_not_called_synthetic(chords, tmp_path):
    run = chords.run(tmp_path, evaluated=False)
    (tmp_path / "shards" / "dataset.json").write_text('{"rows": 6, "speakers": ["almaz"]}')
    make_report(run, tmp_path / "report.html")
    assert NOTICE not in (tmp_path / "report.html").read_text()


def test_while_training_the_page_names_the_commands_of_what_is_missing(chords, tmp_path):
    run = chords.run(tmp_path, evaluated=False)
    headline = make_report(run, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "python tools/evaluate.py --run" in page
    assert "python tools/train_recogniser.py" in page
    assert "<polyline" in page
    assert "<audio" not in page
    assert headline["steps"] == 20
    assert headline["cer"] == {}


def test_before_training_the_page_names_the_command_that_trains(tmp_path):
    (tmp_path / "run").mkdir()
    assert make_report(tmp_path / "run", tmp_path / "report.html") == {"steps": 0, "code_loss": None, "cer": {}}
    assert "deepspeed launch/train.py" in (tmp_path / "report.html").read_text()


def test_the_headline_is_the_rate_of_the_kind_with_most_texts(run_folder, tmp_path):
    headline = make_report(run_folder, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    rates = read_evaluation(run_folder / "evaluation")["conditions"]
    for condition in CONDITIONS:
        texts = {kind: part["texts"] for kind, part in rates[condition]["kinds"].items()}
        [main] = [kind for kind, count in texts.items() if count == max(texts.values())]
        assert headline["cer"][condition] == rates[condition]["kinds"][main]["cer"]
        assert f"CER, {texts[main]} {main}" in page


def test_everything_from_outside_is_escaped(chords, tmp_path):
    run = chords.run(tmp_path, evaluated=True)
    attack = "<script>alert(1)</script>\"'&"
    for name in ("recipe.yaml", "deepspeed.json"):
        (run / name).write_text(f"# {attack}\n")
    path = run / "evaluation" / "evaluation.json"
    text = path.read_text().replace("synthetic_one", "<script>alert(2)</script>").replace("ውሀ ጣ", "<b>bold</b>")
    path.write_text(text)
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"event": "validation", "step": 20, "set": "<script>", "code_loss": 1.0}\n')
    make_report(run, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<b>bold" not in page


def test_a_missing_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        make_report(tmp_path / "absent", tmp_path / "report.html")


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (600, "10 min"), (12000, "3 h 20 min")])
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text
