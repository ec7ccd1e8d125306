"""tools/diagnose.py on tables and on run folders."""

import json
import math
import xml.etree.ElementTree as ElementTree

from system.commands import done, tool

SLOW = "step,train,validation,lr,grad_norm\n1,0.571,,1e-6,\n2,0.504,0.612,1e-6,\n3,0.428,0.809,1e-6,\n4,0.389,,1e-6,\n"
HEALTHY = "Epoch,train\n1,0.571\n2,0.350\n3,0.220\n4,0.160\n"


def diagnosed(*arguments) -> list[dict]:
    return json.loads(done(tool("diagnose", *arguments, "--json")).stdout)


def test_a_table_as_json(tmp_path):
    (tmp_path / "slow.csv").write_text(SLOW)
    found = diagnosed(tmp_path / "slow.csv")
    assert {one["name"] for one in found} == {"lr_too_low", "overfitting"}
    assert all(set(one) == {"name", "evidence", "confidence", "advice"} for one in found)
    assert all(0 <= one["confidence"] <= 1 and one["evidence"] and one["advice"] for one in found)
    # Without a column of steps, with an unknown one, and with the mark that spreadsheets put before UTF-8.
    (tmp_path / "healthy.csv").write_text("\ufeff" + HEALTHY)
    assert diagnosed(tmp_path / "healthy.csv") == []


def test_a_run_in_words_with_a_picture(tmp_path):
    run = tmp_path / "a & b"
    run.mkdir()
    events = [{"event": "start", "step": 0}, {"event": "phase", "step": 0, "phase": "adapters"}]
    for step in range(1, 101):
        loss = None if step == 50 else 1.5 + 4.5 * math.exp(-step / 20)
        events.append(
            {"event": "train", "step": step, "epoch": 0, "code_loss": loss, "grad_norm": 1.0, "padding_share": 0.6}
        )
        if step % 20 == 0:
            events.append(
                {"event": "validation", "step": step, "set": "new_texts", "code_loss": 1.7 + 4 * math.exp(-step / 20)}
            )
    (run / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + '{"event": "tra')
    said = done(tool("diagnose", run, "--picture", tmp_path / "page.html")).stdout
    assert "adapters: data_stall" in said
    assert "60%" in said
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "a &amp; b" in page
    assert "data_stall" in page
    drawing = page[page.index("<svg") : page.index("</svg>") + 6]
    lines = list(ElementTree.fromstring(drawing).iter("polyline"))
    assert sum(len(line.get("points").split()) for line in lines) >= 99


def test_the_recipe_of_a_run_tells_which_rate_is_usual(tmp_path):
    figures = [(step, 3.0 + 2.6 * math.exp(-step / 60)) for step in range(1, 201)]
    lines = [{"event": "train", "step": s, "epoch": 0, "code_loss": v, "learning_rate": 4e-5} for s, v in figures]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert diagnosed(tmp_path) == []
    (tmp_path / "recipe.yaml").write_text("base: scratch\nmodel:\n  dim: 256\n")
    (low,) = diagnosed(tmp_path)
    assert low["name"] == "lr_too_low"
    assert "4e-05 (usual: 0.00156)" in low["evidence"]


def test_wrong_input_says_what_is_wrong(tmp_path):
    cases = {
        "none.csv": (None, "there is no"),
        "empty.csv": ("", "none of the columns"),
        "other.csv": ("a,b\n1,2\n", "none of the columns"),
        "word.csv": ("step,train\n1,4.0\n2,four\n", "word.csv:3: train is 'four'"),
        "wide.csv": ("step,train\n1,4.0,9\n", "wide.csv:2 has 3 cells"),
        "stepless.csv": ("step,train\n,4.0\n", "stepless.csv:2 has no step"),
        "gaps.csv": ("step,train\n1,\n2,\n", "nothing to say"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_text(content)
        result = tool("diagnose", tmp_path / name)
        assert result.returncode == 2, name
        assert message in result.stderr, result.stderr
        assert "Traceback" not in result.stderr
    folder = tool("diagnose", tmp_path)
    assert folder.returncode == 2
    assert "metrics.jsonl" in folder.stderr
