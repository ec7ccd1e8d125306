"""Laws of training on a pretrained base, on the real launcher."""

import re
from dataclasses import replace

import pytest
import torch
from system.commands import done, tool
from system.taught import SIZES, trained

from amharic_tts.model.import_gpt import import_base
from amharic_tts.text.tokenizer import Tokenizer

STAGES = {
    stage: {"zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": 0} if stage == 3 else {"stage": stage}}
    for stage in (1, 2, 3)
}  # fmt: skip
DECAYING = {"learning_rate": 1.0e-3, "weight_decay": 0.1}


def start_of(taught, seed_of=None):
    """The base, grown to the vocabulary, as training starts with it."""
    from amharic_tts.train.engine import keyed_seed

    return import_base(taught.base, Tokenizer.load(taught.tokenizer), keyed_seed(0, "weights")).state


@pytest.mark.parametrize("stage", [2, 3])
def test_bf16_training_starts_from_float32_weights_and_leaves_them(taught, tmp_path, stage):
    """With a rate of almost nothing the checkpoint holds the base bit for bit, although the model computes in bf16; and
    two ranks that share the weights leave them whole."""
    job = taught.job(
        tmp_path / "job", machine=STAGES[stage] | {"bf16": {"enabled": True}},
        optimizer={"learning_rate": 1.0e-30, "weight_decay": 0.0}, run={"steps": 1},
    )  # fmt: skip
    output = done(job.train(ranks=2)).stderr
    start, found = start_of(taught), trained(job, 1)
    # Every tensor of gpt.pth is accounted for.
    counts = {
        name: int(count) for name, count in re.findall(r"^  (loaded|computed|frozen)\s+(\d+)", output, re.MULTILINE)
    }
    total = int(re.search(r"gpt.pth: (\d+) tensors", output)[1])
    assert counts["loaded"] + counts["computed"] == total
    assert counts["loaded"] - counts["frozen"] == len(found)
    assert "resized" in output
    assert not any(name.startswith("prompt_encoder.") for name in found)
    assert found.keys() == {name for name in start if not name.startswith("prompt_encoder.")}
    assert all(torch.equal(value, start[name]) for name, value in found.items())
    assert any((value.bfloat16().float() != value).any() for value in found.values())


def test_every_stage_learns_the_same(taught, tmp_path):
    runs = []
    for stage in (1, 2, 3):
        job = taught.job(tmp_path / f"z{stage}", machine=STAGES[stage], run={"steps": 3, "validate_every": 3})
        done(job.train("model.dropout=0.0", ranks=2))
        runs.append((job.events("train"), job.events("validation"), trained(job, 3)))
    for train, validation, weights in runs[1:]:
        for event, first in zip(train + validation, runs[0][0] + runs[0][1], strict=True):
            assert event["code_loss"] == pytest.approx(first["code_loss"], rel=1e-5)
        moved = max(float((weights[n] - runs[0][2][n]).abs().max()) for n in weights)
        assert moved < 2e-5  # a fiftieth of one step of Adam


def test_stage_3_killed_and_resumed_equals_never_stopped(taught, tmp_path):
    machine = STAGES[3] | {"bf16": {"enabled": True}}
    whole, broken = (taught.job(tmp_path / name, machine=machine, ema={"decay": 0.9}) for name in ("whole", "broken"))
    done(whole.train(ranks=2))
    broken.kill_after(4, ranks=2)
    assert re.search(r"continuing from \S+/step-00000003 at step 3", done(broken.train(ranks=2)).stderr)
    figures = [[(e["step"], e["loss"], e["grad_norm"]) for e in job.events("train")] for job in (whole, broken)]
    assert figures[0] == figures[1]
    for kind in ("raw", "ema"):
        ours, theirs = trained(broken, 6, kind), trained(whole, 6, kind)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_lora_moves_what_it_says_and_nothing_else(taught, tmp_path):
    """With weight decay on: norms and biases of the trunk, and the base's rows where they are to stay, bit for bit."""
    lora = {"what": "lora", "lora": {"rank": 4, "alpha": 4.0}, "base_rows": False}
    job = taught.job(
        tmp_path / "job", machine=STAGES[3] | {"bf16": {"enabled": True}}, trainable=lora, optimizer=DECAYING
    )
    done(job.train(ranks=2))
    start, found = start_of(taught), trained(job, 6)
    base_rows = Tokenizer.load(taught.tokenizer).base_size
    for name in ("text_embedding.weight", "text_head.weight", "text_head.bias"):
        assert torch.equal(found[name][:base_rows], start[name][:base_rows]), name
        assert not torch.equal(found[name][base_rows:], start[name][base_rows:]), name
    same = {name for name, value in found.items() if torch.equal(value, start[name])}
    adapted = re.compile(r"trunk\.blocks\.\d+\.(attention\.(query_key_value|out)|feed_up|feed_down)\.weight")
    trunk = {name for name in found if name.startswith("trunk.")}
    assert same == {name for name in trunk if not adapted.fullmatch(name)}
    assert len(trunk - same) == 4 * SIZES.layers


@pytest.fixture(scope="module")
def progressive(taught, tmp_path_factory):
    """A function that makes a job of LoRA → full → polish, and such a job that was never stopped."""
    phases = [
        {"name": "lora", "steps": 3, "trainable": {"what": "lora"}, "optimizer": {"learning_rate": 2.0e-3}},
        {"name": "full", "steps": 4, "optimizer": {"learning_rate": 1.0e-3}},
        {"name": "polish", "steps": 2, "optimizer": {"learning_rate": 1.0e-5}},
    ]
    run = {"steps": None, "validate_every": 3, "checkpoint_every": 1, "keep_checkpoints": 9}
    folder = tmp_path_factory.mktemp("progressive")

    def new(name):
        return taught.job(
            folder / name, machine=STAGES[3] | {"bf16": {"enabled": True}}, phases=phases, run=run,
            schedule={"kind": "constant"}, ema={"decay": 0.9},
        )  # fmt: skip

    whole = new("whole")
    done(whole.train(ranks=2))
    return new, whole


def test_phases_hand_on_their_weights(progressive):
    _, job = progressive
    events = job.events("train")
    assert [e["step"] for e in events] == list(range(1, 10))
    assert [e["learning_rate"] for e in events] == pytest.approx([2e-3] * 3 + [1e-3] * 4 + [1e-5] * 2)
    counts = {e["phase"]: e["trainable"] for e in job.events("phase")}
    assert counts["lora"] < counts["full"] == counts["polish"]
    # What a phase leaves is what the next begins with: a step of rate 1e-5 moves no weight further.
    end, after = trained(job, 7), trained(job, 8)
    assert 0 < max(float((after[name] - end[name]).abs().max()) for name in end) < 1.1e-5


def test_resume_in_any_phase_equals_never_stopped(progressive):
    new, whole = progressive
    broken = new("broken")
    for step in (1, 5, 8):
        broken.kill_after(step, ranks=2)
    done(broken.train(ranks=2))
    figures = [[(e["step"], e["loss"], e["grad_norm"]) for e in job.events("train")] for job in (whole, broken)]
    assert figures[0] == figures[1]
    assert broken.events("phase") == whole.events("phase")
    for kind in ("raw", "ema"):
        ours, theirs = trained(broken, 9, kind), trained(whole, 9, kind)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_of_more_phases_than_the_recipe_has_is_refused(progressive, tmp_path):
    _, job = progressive
    values = job.read_recipe()
    short = replace(job, recipe=tmp_path / "short.yaml")
    short.write_recipe(values | {"phases": values["phases"][:1]})
    assert "is of phase 3, the recipe has 1" in refusal(short)


def test_the_average_is_that_of_the_phase_s_weights(progressive):
    _, job = progressive
    weights = [trained(job, step) for step in range(3, 8)]  # the end of LoRA, and every step of the full phase
    for name, average in trained(job, 7, "ema").items():
        expected = weights[0][name].clone()
        for i, value in enumerate(weights[1:], 1):
            decay = min(0.9, (1 + i) / (10 + i))
            expected = decay * expected + (1 - decay) * value[name]
        assert float((average - expected).abs().max()) < 1e-6, name


@pytest.mark.parametrize(("step", "kind"), [(7, "ema"), (2, "raw")])
def test_export_gives_what_was_trained_and_import_gives_it_back(progressive, taught, tmp_path, step, kind):
    """From a full phase the averages, from a LoRA phase the merged weights; with the base's own encoders, bit for bit."""
    _, job = progressive
    out = tmp_path / "exported"
    which = ("--weights", "raw") if kind == "raw" else ()
    result = done(tool("export", "--run", job.run, "--out", out, "--step", step, *which))
    assert f"{kind} weights of" in result.stdout
    tokenizer = Tokenizer.load(taught.tokenizer)
    again, start, expected = import_base(out, tokenizer), start_of(taught), trained(job, step, kind)
    assert again.state.keys() == start.keys()
    assert again.config.text_rows == again.state["text_embedding.weight"].size(0) == tokenizer.size + 1
    for name, value in again.state.items():
        assert torch.equal(value, (start if name.startswith("prompt_encoder.") else expected)[name]), name
    # What was exported can be taught further, and exported again it is the same.
    further = taught.job(tmp_path / "further", run={"steps": 1}, optimizer={"learning_rate": 1.0e-30})
    done(further.train(f"base_folder={out}"))
    done(tool("export", "--run", further.run, "--out", tmp_path / "again"))
    assert same_tensors(tmp_path / "again/gpt.pth", out / "gpt.pth")


def same_tensors(one, other) -> bool:
    one, other = (torch.load(path, weights_only=True) for path in (one, other))
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_the_best_is_exported_unless_it_is_damaged(progressive, tmp_path):
    import shutil

    _, job = progressive
    losses = {e["step"]: e["code_loss"] for e in job.events("validation") if e["step"]}
    name = f"step-{min(losses, key=losses.get):08d}"
    run = tmp_path / "run"
    shutil.copytree(job.run, run)
    assert name in done(tool("export", "--run", run, "--out", tmp_path / "best")).stdout
    model = run / "checkpoints" / name / "ema.safetensors"
    content = bytearray(model.read_bytes())
    content[-5] ^= 1
    model.write_bytes(content)
    refused = tool("export", "--run", run, "--out", tmp_path / "out", "--step", int(name[5:]))
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert "ema.safetensors does not match its checksum" in refused.stderr
    lines = done(tool("export", "--run", run, "--out", tmp_path / "out")).stdout.splitlines()
    [passed] = [line for line in lines if line.startswith("passed over")]
    [written] = [line for line in lines if "ema weights of" in line]
    assert name in passed
    assert name not in written


@pytest.mark.parametrize("train_them", [False, True])
def test_a_switch_trains_the_encoders(taught, tmp_path, train_them):
    job = taught.job(
        tmp_path / "job", "frames", optimizer=DECAYING, trainable={"conditioning": train_them}, run={"steps": 2}
    )
    done(job.train())
    start, found = start_of(taught), trained(job, 2)
    same = {name.split(".")[0] for name, value in found.items() if torch.equal(value, start[name])}
    assert ("prompt_encoder" in same) != train_them
    encoders = [name for name in found if name.startswith("prompt_encoder.")]
    moved = [name for name in encoders if not torch.equal(found[name], start[name])]
    assert len(encoders) == len([name for name in start if name.startswith("prompt_encoder.")])
    assert len(moved) == (len(encoders) if train_them else 0)


def refusal(job, *settings) -> str:
    result = job.train(*settings)
    assert (result.returncode, "Traceback" in result.stderr) == (2, False), result.stderr
    return result.stderr


def test_what_does_not_fit_the_base_is_refused(taught, tmp_path, corpus):
    job = taught.job(tmp_path / "job", run={"steps": 1})
    assert "--conditioning frames" in refusal(job, "trainable.conditioning=true")
    names = {"train": "train", "validation.held_out": "held_out_texts"}
    other = [f"data.{name}={corpus.shards / split}" for name, split in names.items()]
    assert "codes of another codec" in refusal(job, *other)
    assert "config.yaml" in refusal(job, "base_folder=nowhere")


def test_another_base_is_refused_whoever_noticed_first(taught, tmp_path):
    """Shards know the encoders that read their prompts; a run knows the base that it was begun with."""
    import shutil

    job = taught.job(tmp_path / "job", run={"steps": 2, "checkpoint_every": 1})
    done(job.train("run.steps=1"))
    other = tmp_path / "other"
    shutil.copytree(taught.base, other)
    state = torch.load(other / "gpt.pth", weights_only=True)
    state["final_norm.bias"] += 1
    torch.save(state, other / "gpt.pth")
    assert "was trained on indextts2" in refusal(job, "run.steps=1", f"base_folder={other}")
    state["emo_layer.bias"] += 1
    torch.save(state, other / "gpt.pth")
    fresh = f"run.directory={tmp_path / 'fresh'}"
    assert "were read by other encoders" in refusal(job, fresh, f"base_folder={other}")
