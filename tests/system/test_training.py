"""Laws of training, on the real launcher with two processes."""

import json
import re

import pytest
import torch
from safetensors.torch import load_file
from system.commands import TINY_MACHINE, TINY_MODEL, done

from amharic_tts.data.plan import Plan, microbatches
from amharic_tts.data.read import Dataset
from amharic_tts.model.config import ConformerConfig
from amharic_tts.train.recipe import ModelSection, model_config

TIMES = ("seconds", "tokens_per_second", "memory_gb")


def without_times(events):
    return [{name: value for name, value in event.items() if name not in TIMES} for event in events]


def weights(job, step):
    return load_file(job.run / f"checkpoints/step-{step:08d}/model.safetensors")


def test_a_run_on_two_ranks_leaves_what_it_promises(new_job):
    job = new_job(
        schedule={"warmup_steps": 2},
        monitors={"wandb": True, "tensorboard": True},
        run={"keep_checkpoints": 1},
    )
    output = done(job.train(ranks=2)).stderr
    train, validation = job.events("train"), job.events("validation")
    assert [e["step"] for e in train] == [1, 2, 3, 4, 5, 6]
    assert [e["step"] for e in validation] == [0, 4, 6]
    assert train[-1]["loss"] < train[0]["loss"]
    assert validation[-1]["code_loss"] < validation[0]["code_loss"]
    assert train[0]["learning_rate"] == pytest.approx(1e-3 / 3)
    assert all(0 <= e["padding_share"] < 0.6 and e["skipped"] == 0 for e in train)
    assert job.events("start")[0]["machine"]["world_size"] == 2
    # Rotation keeps one checkpoint; the live line tells loss, rate, speed, padding and memory.
    assert [p.name for p in (job.run / "checkpoints").glob("step-*")] == ["step-00000006"]
    assert (job.run / "checkpoints/latest").read_text() == "step-00000006\n"
    assert re.search(r"6/6 .*loss \d+\.\d+, lr \S+, \d+ tok/s, padding \d+%, \d+\.\d GB", output)
    assert list((job.run / "tensorboard").glob("events.*"))
    assert list((job.run / "wandb").glob("offline-run-*/run-*.wandb"))

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(job.run / "tensorboard")).Reload()
    assert [(s.step, s.value) for s in board.Scalars("train/loss")] == [
        (e["step"], pytest.approx(e["loss"])) for e in train
    ]
    assert [s.step for s in board.Scalars("held_out_texts/code_loss")] == [0, 4, 6]


def budget_for_four(shards):
    """A token budget that cuts the first step into 1 × 4 micro-batches, and into 2 × 2 on two ranks."""
    dataset = Dataset.open(shards)
    positions = model_config(ModelSection(conditioning=ConformerConfig(latents=4))).positions_per_row
    plan = Plan(dataset.catalog, dataset.rows_of_shard, 0, 2048, positions_per_row=positions)
    lengths = plan.lengths(plan.step_set(0, 0))
    for budget in range(int(lengths.max()), int(lengths.sum()), 10):
        if [len(microbatches(lengths, ranks, budget)[0]) for ranks in (1, 2)] == [4, 2]:
            return budget
    raise AssertionError("no budget cuts this step into four")


def test_the_gradient_does_not_depend_on_how_a_step_is_cut(new_job, corpus):
    """One step on 1 rank × 1 micro-batch, 1 × 4 and 2 × 2 moves every weight alike.

    Adam with an epsilon far above every gradient, and a rate as large, is plain gradient descent of rate 1: the change
    of the weights is the gradient.
    """
    descent = {"learning_rate": 1.0e4, "eps": 1.0e4, "weight_decay": 0.0, "betas": [0.0, 0.0]}
    once = {"steps": 1, "validate_every": 9, "checkpoint_every": 9}
    gradients, figures = [], []
    whole_step, quarter = 100_000, budget_for_four(corpus.shards / "train")
    cuts = ((1, whole_step), (1, quarter), (2, quarter))
    for number, (ranks, budget) in enumerate(cuts):
        job = new_job(
            f"cut{number}",
            machine={"amharic_tts": {"micro_batch_tokens": budget}, "gradient_clipping": 1e9},
            optimizer=descent,
            schedule={"kind": "constant", "warmup_steps": 0},
            model={"dropout": 0.0},
            run=once,
            data={"validation": {}},
        )
        done(job.train(ranks=ranks))
        gradients.append(weights(job, 1))
        figures.append(job.events("train")[0])
    start = new_job("start", run=once, model={"dropout": 0.0}, optimizer={"learning_rate": 1e-30})
    done(start.train())
    initial = weights(start, 1)
    whole, *others = (torch.cat([(g[n].double() - initial[n]).flatten() for n in initial]) for g in gradients)
    assert float(whole.norm()) == pytest.approx(figures[0]["grad_norm"], rel=1e-3)
    for other in others:
        assert float((other - whole).norm() / whole.norm()) < 1e-4  # float32 sums in another order
    for other in figures[1:]:
        for name in ("loss", "text_loss", "code_loss", "grad_norm", "code_accuracy"):
            assert other[name] == pytest.approx(figures[0][name], rel=1e-5), name


def test_killed_and_resumed_equals_never_stopped(new_job):
    """Two ranks with dropout, kill -9 in the middle of everything, twice: every figure and weight bit for bit."""
    whole, broken = new_job("whole"), new_job("broken")
    steps = ("run.steps=9",)
    done(whole.train(*steps, ranks=2))
    broken.kill_after(4, *steps, ranks=2)
    broken.kill_after(7, *steps, ranks=2)
    output = done(broken.train(*steps, ranks=2)).stderr
    assert re.search(r"continuing from \S+/step-0000000[36] at step [36]", output)
    for kind in ("train", "validation"):
        assert without_times(broken.events(kind)) == without_times(whole.events(kind))
    ours, theirs = weights(broken, 9), weights(whole, 9)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_recomputed_activations_change_nothing(new_job):
    """With dropout: the second computation of a block draws what the first one drew."""
    runs = []
    for wanted in (True, False):
        own = {"micro_batch_tokens": 1024, "activation_checkpointing": wanted}
        job = new_job(f"recompute-{wanted}", machine={"amharic_tts": own}, data={"validation": {}}, run={"steps": 3})
        done(job.train())
        runs.append(job)
    first, second = (without_times(job.events("train")) for job in runs)
    assert first == second


def test_a_finished_run_is_not_trained_again(new_job):
    job = new_job()
    done(job.train())
    before = job.events("train")
    done(job.train())
    assert job.events("train") == before


def test_a_damaged_checkpoint_is_passed_over(new_job):
    job = new_job()
    done(job.train())
    newest = job.run / "checkpoints/step-00000006"
    model = newest / "model.safetensors"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    output = done(job.train()).stderr
    assert "passed over" in output
    assert "model.safetensors does not match its checksum" in output
    assert "continuing from" in output
    assert "step-00000003 at step 3" in output
    assert [e["step"] for e in job.events("train")] == [1, 2, 3, 4, 5, 6]
    # With every checkpoint damaged there is nothing to go on from: refused, and nothing is deleted.
    for meta in job.run.glob("checkpoints/step-*/meta.json"):
        meta.write_text("{}")
    refused = job.train()
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert "no checkpoint in" in refused.stderr
    assert len(list(job.run.glob("checkpoints/step-*/model.safetensors"))) == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("optimizer.learning_rate=0.5", r"optimizer.learning_rate was 0.001, is 0.5"),
        ("data.step_tokens=1024", r"step_tokens was 2048, is 1024"),
    ],
)
def test_a_run_goes_on_only_with_its_own_settings(new_job, setting, message):
    job = new_job()
    done(job.train("run.steps=3"))
    refused = job.train("run.steps=3", setting)
    assert refused.returncode == 2
    assert re.search(message, refused.stderr)


def test_a_run_goes_on_only_with_its_own_engine_and_number_of_processes(new_job):
    job = new_job(run={"steps": 3})
    done(job.train())
    other = TINY_MACHINE | {"gradient_clipping": 0.5, "zero_optimization": {"stage": 1}}
    job.machine.write_text(json.dumps(other))
    refused = job.train()
    assert refused.returncode == 2
    assert re.search(r"zero_optimization.stage was 2, is 1; gradient_clipping was 1.0, is 0.5", refused.stderr)
    refused = job.train(ranks=2)
    assert refused.returncode == 2
    assert "was written by 1 processes, this run has 2" in refused.stderr


def test_one_batch_can_be_learned_by_heart(new_job, corpus):
    """Overfitting one batch (the four rows of the held-out speaker) drives the code loss under 0.05."""
    job = new_job(
        machine=TINY_MACHINE | {"amharic_tts": {"micro_batch_tokens": 100_000}},
        model=TINY_MODEL | {"dim": 128, "dropout": 0.0},
        optimizer={"learning_rate": 3.0e-3, "weight_decay": 0.0},
        schedule={"warmup_steps": 20, "kind": "cosine"},
        data={"train": str(corpus.shards / "held_out_speaker"), "step_tokens": 1_000_000, "validation": {}},
        run={"steps": 200, "validate_every": 1000, "checkpoint_every": 1000},
    )
    done(job.train())
    losses = [e["code_loss"] for e in job.events("train")]
    assert min(losses[-5:]) < 0.05, losses[::25]


def test_rows_that_break_the_arithmetic_stop_the_run(new_job):
    """Non-finite gradients skip the step on all ranks; enough of them in a row end the run with a diagnosis."""
    job = new_job(optimizer={"learning_rate": 1e30}, schedule={"warmup_steps": 0, "kind": "constant"})
    stopped = job.train("run.max_skipped=2", "run.steps=40", ranks=2)
    assert stopped.returncode == 2, stopped.stderr
    assert "steps in a row had a non-finite loss or gradient" in stopped.stderr
    events = job.events("train")
    assert [e["skipped"] for e in events][-2:] == [1, 1]
    assert json.loads(json.dumps(events, allow_nan=False)) == events
