"""Stages: what is done is not done again, what was cut off goes on, what changed is done again with what follows."""

import sys

import pytest

from amharic_tts.demo.pipeline import Stage, run_stages
from amharic_tts.errors import InputError


@pytest.fixture
def stages(tmp_path):
    """A function that makes three stages; each appends its name to `log` and leaves a file of its name."""
    program = (
        "import pathlib, sys\n"
        "name, fails = sys.argv[1:3]\n"
        "open('log', 'a').write(name)\n"
        "sys.exit(1) if fails == 'yes' else pathlib.Path(name).touch()"
    )

    def make(fail="", change=""):
        return [
            Stage(
                name,
                f"stage {name}",
                (
                    (
                        sys.executable,
                        "-c",
                        program,
                        name,
                        "yes" if name == fail else "no",
                        change if name == "b" else "",
                    ),
                ),
                result=tmp_path / name,
                made=(tmp_path / f"{name}.part",),
            )
            for name in "abc"
        ]

    return make


def ran(tmp_path):
    log = (tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""
    (tmp_path / "log").unlink(missing_ok=True)
    return log


def test_done_once(stages, tmp_path):
    assert run_stages(stages(), tmp_path / "marks", tmp_path) > 0
    assert ran(tmp_path) == "abc"
    assert run_stages(stages(), tmp_path / "marks", tmp_path) == 0
    assert ran(tmp_path) == ""


def test_a_failed_stage_ends_the_run_and_is_where_the_next_begins(stages, tmp_path):
    with pytest.raises(InputError, match="stage 'b' failed"):
        run_stages(stages(fail="b"), tmp_path / "marks", tmp_path)
    assert ran(tmp_path) == "ab"
    run_stages(stages(), tmp_path / "marks", tmp_path)
    assert ran(tmp_path) == "bc"


def test_a_changed_command_is_done_again_with_all_that_follows(stages, tmp_path):
    run_stages(stages(), tmp_path / "marks", tmp_path)
    ran(tmp_path)
    run_stages(stages(change="x"), tmp_path / "marks", tmp_path)
    assert ran(tmp_path) == "bc"


def test_what_a_changed_stage_had_made_is_removed_and_what_a_cut_off_one_made_stays(stages, tmp_path):
    parts = [tmp_path / f"{name}.part" for name in "abc"]
    with pytest.raises(InputError):
        run_stages(stages(fail="b"), tmp_path / "marks", tmp_path)
    for part in parts:
        part.touch()
    with pytest.raises(InputError):
        run_stages(stages(fail="b"), tmp_path / "marks", tmp_path)
    assert [part.exists() for part in parts] == [True, True, True]
    run_stages(stages(change="x"), tmp_path / "marks", tmp_path)
    assert [part.exists() for part in parts] == [True, False, True]


def test_a_lost_result_is_made_again(stages, tmp_path):
    run_stages(stages(), tmp_path / "marks", tmp_path)
    ran(tmp_path)
    (tmp_path / "c").unlink()
    run_stages(stages(), tmp_path / "marks", tmp_path)
    assert ran(tmp_path) == "c"


def test_the_demos_commands_exist(project):
    """Every program and file that the demo names is in the project."""
    from amharic_tts.demo.stages import demo_stages

    for stage in demo_stages(project, 0):
        for command in stage.commands:
            for part in command[1:]:
                if part.startswith(("tools/", "launch/", "ds_configs/")):
                    assert (project / part).is_file(), part
        assert all(path.is_file() for path in stage.inputs)
