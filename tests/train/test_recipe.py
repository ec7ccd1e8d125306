import dataclasses

import pytest

from amharic_tts.errors import InputError
from amharic_tts.train.recipe import load_recipe

MINIMAL = "run: {steps: 10}\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "r.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "r.yaml"

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run: {steps: 10, sed: 1}", r"unknown key 'run.sed' \(did you mean 'seed'\?\)"),
        ("optimiser: {}\nrun: {steps: 1}", r"unknown key 'optimiser' \(did you mean 'optimizer'\?\)"),
        (MINIMAL + "optimizer: {learning_rate: 2e-5}", r"optimizer.learning_rate: expected float, found str '2e-5'.*2\.0e-5"),
        (MINIMAL + "schedule: {kind: plateau}", "'plateau' is not one of constant, linear, cosine"),
        ("run: {steps: 10, epochs: 2}", "exactly one of run.epochs and run.steps"),
        ("{}", "exactly one of run.epochs and run.steps"),
        ("run: {steps: true}", "run.steps: expected int, found bool True"),
        (MINIMAL + "schedule: {warmup_steps: 10}", "warmup_steps 10 does not lie in 10 steps"),
        (MINIMAL + "model: {dim: 100, heads: 3}", "model.dim 100 is not a multiple of model.heads 3"),
        (MINIMAL + "optimizer: {betas: [0.9]}", "optimizer.betas: expected a list of 2"),
        (MINIMAL + "schedule: {warmup_share: 1.0}", r"warmup_share must be in \[0, 1\)"),
        (MINIMAL + "optimizer: {betas: [0.9, 1.0]}", r"betas must be in \[0, 1\)"),
        (MINIMAL + "model: {conditioning: {kernel: 4}}", "model.conditioning.kernel must be odd, not 4"),
        ("- a\n- b", "expected a mapping of sections"),
        ("run: 3", "run: expected a mapping of settings, found int 3"),
        ("base: xtts\n" + MINIMAL, "base: 'xtts' is not one of indextts2, scratch"),
        ("base: indextts2\nmodel: {dim: 8}\n" + MINIMAL, "model.dim: the base brings its own sizes"),
        (MINIMAL + "trainable: {base_rows: false}", "trainable.base_rows: a model from scratch has no rows of a base"),
        (MINIMAL + "trainable: {conditioning: true}", "the encoders of a model from scratch always learn"),
        (MINIMAL + "trainable: {what: lora}", "a model from scratch has no trunk to adapt yet"),
        ("base: indextts2\ntrainable: {lora: {rank: 8}}\n" + MINIMAL, "lora is read with `trainable.what: lora` alone"),
        (MINIMAL + "base_folder: elsewhere", "base_folder is read with a pretrained base alone"),
        (MINIMAL + "trainable: {lora: {rank: 0}}", "trainable.lora.rank must be at least 1"),
        (MINIMAL + "phases: [{name: a, steps: 2}]", "with phases each of them says its own length"),
        ("phases: [{name: a, steps: 2}, {name: a, steps: 2}]", "every phase needs a name of its own"),
        ("phases: [{name: a, steps: 2}, {name: b, epochs: 2}]", "all in epochs, or of all in steps"),
        ("phases: [{name: a}]", r"phases\[0\]: give exactly one of phases\[0\].epochs and phases\[0\].steps"),
        ("phases: [{name: a, steps: 2, optimizer: {lr: 1.0}}]", r"unknown key 'phases\[0\].optimizer.lr'"),
        ("phases: [{name: a, steps: 2, loss: {text: 1.0}}]", r"unknown key 'phases\[0\].loss'"),
        ("phases: 3", "phases: expected a list"),
        ("run: [", "not readable YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(write, text, message):
    with pytest.raises(InputError, match=f"(?s)r.yaml.*{message}"):
        load_recipe(write(text))


def test_all_problems_come_at_once(write):
    with pytest.raises(InputError) as error:
        load_recipe(write("run: {steps: 1, a: 1}\nmodel: {b: 2}\nloss: {text: x}"))
    assert len(str(error.value).splitlines()) == 4


def test_settings_that_cannot_be_read_are_named(write):
    with pytest.raises(InputError, match=r"(?s)'run.steps=\[': the value is not.*'steps': write section.key=value"):
        load_recipe(write(MINIMAL), ["run.steps=[", "steps"])


def test_a_written_recipe_reads_back_the_same(write):
    recipe = load_recipe(write(MINIMAL), ["model.layers=3", "data.validation.held_out=a/b", "run.seed=7"])
    assert (recipe.model.layers, recipe.data.validation, recipe.run.seed) == (3, {"held_out": "a/b"}, 7)
    assert load_recipe(write(recipe.to_yaml())) == recipe


def test_a_phase_is_the_recipe_but_for_what_it_says(write):
    recipe = load_recipe(write(
        "optimizer: {learning_rate: 1.0e-3, weight_decay: 0.3}\nschedule: {kind: linear}\n"
        "phases: [{name: a, steps: 2, optimizer: {learning_rate: 1.0e-4}}, {name: b, steps: 3, schedule: {kind: cosine}}]"
    ))  # fmt: skip
    a, b = recipe.all_phases
    assert (a.optimizer.learning_rate, a.optimizer.weight_decay, a.schedule.kind) == (1e-4, 0.3, "linear")
    assert (b.optimizer.learning_rate, b.optimizer.weight_decay, b.schedule.kind) == (1e-3, 0.3, "cosine")
    assert load_recipe(write(recipe.to_yaml())) == recipe


def test_every_shipped_recipe_is_sound(project, tmp_path):
    recipes = sorted((project / "launch/recipes").glob("*.yaml"))
    assert {r.stem for r in recipes} >= {"full", "lora", "progressive", "demo"}
    for path in recipes:
        recipe = load_recipe(path)
        (tmp_path / "again.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        assert load_recipe(tmp_path / "again.yaml") == recipe
        assert recipe.base == ("scratch" if path.stem == "demo" else "indextts2")
    progressive = load_recipe(project / "launch/recipes/progressive.yaml").all_phases
    assert [(p.name, p.trainable.what) for p in progressive] == [("lora", "lora"), ("full", "full"), ("polish", "full")]
    rates = [p.optimizer.learning_rate for p in progressive]
    assert rates == sorted(rates, reverse=True)


def test_the_sizes_that_a_recipe_may_leave_out_are_those_of_indextts2():
    from amharic_tts.model.config import ModelConfig
    from amharic_tts.train.recipe import ModelSection, model_config

    defaults = model_config(ModelSection(emotion=ModelConfig().emotion, generation_offset=1))
    rows = {"text_rows": 12001, "code_rows": 8194, "conditioning_width": 1024}
    assert dataclasses.replace(defaults, **rows) == ModelConfig()
