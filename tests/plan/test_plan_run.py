"""The planner as people type it, and the table of ds_configs/README.md."""

import json
import subprocess
import sys

import pytest

from amharic_tts.plan.cards import CARDS, RUNS_ON


def run(project, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)


def test_a_plan_is_a_table_or_plain_values(project):
    ended = run(project, "tools/plan_run.py", "--gpu", "t4", "--hours", 5, "--price", 0.35)
    assert ended.returncode == 0, ended.stderr
    assert "fits, with" in ended.stdout
    ended = run(project, "tools/plan_run.py", "--gpu", "t4", "--hours", 5, "--json", "--text-rows", 12001)
    found = json.loads(ended.stdout)
    assert found["fits"]
    assert found["trainable"] == pytest.approx(530e6, rel=0.01)


def test_what_does_not_fit_ends_with_1_and_says_what_would(project, tmp_path):
    large = json.loads((project / "ds_configs" / "t4.json").read_text())
    large["amharic_tts"] = {"micro_batch_tokens": 16384, "activation_checkpointing": False}
    path = tmp_path / "large.json"
    path.write_text(json.dumps(large))
    ended = run(project, "tools/plan_run.py", "--gpu", "t4", "--hours", 5, "--config", path)
    assert ended.returncode == 1, ended.stderr
    assert "does not fit" in ended.stdout
    assert '"activation_checkpointing": true' in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "there are no shards in nowhere"),
        (["--hours", "5", "--fraction", "2"], "--fraction must be above 0"),
        (["--hours", "5", "--gpus", "0"], "--gpus and --nodes must be at least 1"),
        (["--text-rows", "100"], "--text-rows goes with --hours"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(project, arguments, message):
    ended = run(project, "tools/plan_run.py", "--gpu", "t4", *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_readme_tells_of_every_configuration(project):
    text = (project / "ds_configs" / "README.md").read_text(encoding="utf-8")
    for path in (project / "ds_configs").glob("*.json"):
        assert f"| {path.name} |" in text
        own = json.loads(path.read_text())["amharic_tts"]
        [row] = [
            line for line in text.split("## Needs")[1].split("\n\n## ")[0].splitlines() if f"| {path.name} |" in line
        ]
        assert str(own["micro_batch_tokens"]) in row
    assert {path.stem for path in (project / "ds_configs").glob("*.json")} == {*CARDS, *RUNS_ON, "cpu"}


def test_the_table_of_gpus_is_made_without_a_gpu(project, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- gpu_table.py begins -->\nold\n<!-- gpu_table.py ends -->\nafter\n")
    ended = run(project, "tests/bench/gpu_table.py", "--only", "t4", "--readme", readme)
    assert ended.returncode == 0, ended.stderr
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| t4.json |" in text
