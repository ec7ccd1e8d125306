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
        (MINIMAL + "schedule: {warmup_steps: 10}", "warmup_steps 10 does not lie in a run of 10 steps"),
        (MINIMAL + "model: {dim: 100, heads: 3}", "model.dim 100 is not a multiple of model.heads 3"),
        (MINIMAL + "optimizer: {betas: [0.9]}", "optimizer.betas: expected a list of 2"),
        (MINIMAL + "schedule: {warmup_share: 1.0}", r"warmup_share must be in \[0, 1\)"),
        (MINIMAL + "optimizer: {betas: [0.9, 1.0]}", r"betas must be in \[0, 1\)"),
        (MINIMAL + "model: {conditioning: {kernel: 4}}", "model.conditioning.kernel must be odd, not 4"),
        ("- a\n- b", "expected a mapping of sections"),
        ("run: 3", "expected a mapping of sections"),
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


def test_every_shipped_recipe_is_sound(project):
    recipes = sorted((project / "launch/recipes").glob("*.yaml"))
    assert {r.stem for r in recipes} >= {"full", "demo"}
    for recipe in recipes:
        load_recipe(recipe)


def test_the_full_recipe_has_the_sizes_of_indextts2(project):
    from amharic_tts.model.config import ModelConfig
    from amharic_tts.train.recipe import model_config

    section = load_recipe(project / "launch/recipes/full.yaml").model
    assert model_config(section, 12001, 8194, 1024) == ModelConfig()
