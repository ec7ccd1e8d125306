"""Laws of `tools/normalise.py`: a line in is a line out, what cannot be read is told with its number, nothing crashes."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "tools" / "normalise.py")]
# Whatever the locale and the buffering that the machine asks for, the command speaks UTF-8 and answers.
ENVIRONMENT = os.environ | {
    "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "", "PYTHONUNBUFFERED": "",
}  # fmt: skip


def run(given: str | bytes, *flags: str) -> subprocess.CompletedProcess:
    """The command's exit code, output and errors, the last two as text."""
    data = given if isinstance(given, bytes) else given.encode()
    done = subprocess.run([*COMMAND, *flags], input=data, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_each_line_becomes_what_the_front_end_makes_of_it() -> None:
    lines = ["ሰላም፡፡", "በ1966 ዓ.ም. ተወለደ።", "ከጠዋቱ 3:30", "12.50 ብር", "ዶ/ር አልማዝ", "ሠላም ለዓለም"]
    done = run("\n".join(lines) + "\n")
    assert done.stdout.splitlines() == [TextFrontEnd().normalise(line) for line in lines]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("flags", "options", "line"),
    [
        (["--fold"], {}, "ሠላም ለዓለም፡፡"),
        (["--no-fold"], {"fold_homophones": False, "fold_labiovelars": False}, "ሠላም ለዓለም ጐንደር፡፡"),
        (["--punctuation", "ascii"], {}, "ሰላም፣ ደህና፡፡"),
        (["--punctuation", "ethiopic"], {"punctuation": "ethiopic"}, "ሰላም፣ ደህና፡፡"),
        (["--latin", "spell"], {}, "በTelegram"),
        (["--latin", "keep"], {"latin": "keep"}, "በTelegram"),
        (["--clock", "literal"], {}, "በ14:30"),
        (["--clock", "to_ethiopian"], {"clock": "to_ethiopian"}, "7:00 AM"),
    ],
)
def test_every_flag_is_an_option_of_the_front_end(flags: list[str], options: dict, line: str) -> None:
    done = run(line + "\n", *flags)
    expected = TextFrontEnd(FrontEndOptions(**options)).normalise(line)
    assert (done.returncode, done.stdout) == (0, expected + "\n")
    if options:
        assert expected != TextFrontEnd().normalise(line)


def test_flags_go_together() -> None:
    flags = ["--no-fold", "--punctuation", "ethiopic", "--latin", "keep", "--clock", "to_ethiopian"]
    done = run("ሠላም በTelegram 7:00 AM፡፡\n", *flags)
    assert done.stdout == "ሠላም በTelegram ከጠዋቱ አንድ ሰዓት።\n"


@pytest.mark.parametrize("flags", [["--punctuation", "none"], ["--clock", "greenwich"], ["--folded"]])
def test_a_flag_or_value_that_does_not_exist_is_an_error(flags: list[str]) -> None:
    done = run("ሰላም\n", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr


def test_what_cannot_be_read_is_told_with_its_line_and_costs_only_itself() -> None:
    done = run("ሰላም\n٣ ሰዎች\nአንድ\n\u4e2d\nሁለት\n")
    assert done.stdout == "ሰላም\nአንድ\nሁለት\n"
    assert done.returncode == 1
    second, fourth = done.stderr.splitlines()
    assert second.startswith("line 2: ")
    assert "U+0663" in second
    assert fourth.startswith("line 4: ")
    assert "U+4E2D" in fourth


def test_lines_keep_their_numbers_when_asked_to() -> None:
    done = run("ሰላም\n\u4e2d\nአንድ\n", "--keep-lines")
    assert done.stdout == "ሰላም\n\nአንድ\n"
    assert done.returncode == 1
    assert done.stderr.startswith("line 2: ")


@pytest.mark.parametrize("damaged", [b"\xff\xfe\n", b"\xe1\x88\n", "ሰላም".encode() + b"\x80\n", b"\xed\xa0\x80\n"])
def test_bytes_that_are_no_utf8_are_a_line_that_cannot_be_read(damaged: bytes) -> None:
    done = run("ሰላም\n".encode() + damaged + "አንድ\n".encode())
    assert done.stdout == "ሰላም\nአንድ\n"
    assert done.returncode == 1
    assert done.stderr.startswith("line 2: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("", ""),
        ("\n", "\n"),
        ("\n\nሰላም\n\n", "\n\nሰላም\n\n"),
        ("ሰላም", "ሰላም\n"),
        ("ሰላም\r\nአንድ\r\n", "ሰላም\nአንድ\n"),
        ("\ufeffሰላም\n", "ሰላም\n"),
    ],
)
def test_ends_of_lines_and_empty_lines(given: str, output: str) -> None:
    done = run(given)
    assert (done.returncode, done.stdout, done.stderr) == (0, output, "")


def test_signs_that_other_programs_take_for_ends_of_lines_end_none() -> None:
    """A line ends at a line feed alone, or the numbers of lines would not be those that an editor shows."""
    done = run("ሰላም\u2028አንድ\x0bሁለት\n\u4e2d\n")
    assert done.stdout.count("\n") + done.stderr.count("line ") == 2
    assert "line 2: " in done.stderr


def test_decisions_follow_their_line() -> None:
    line = "በ2015 ዶ/ር አልማዝ 12.50 ብር ከፈሉ።"
    done = run(f"ቡና\n{line}\n", "--explain", "--no-fold", "--punctuation", "ethiopic")
    plain, normal, *decisions = done.stdout.splitlines()
    front_end = TextFrontEnd(FrontEndOptions(False, False, punctuation="ethiopic"))
    assert (plain, normal) == ("ቡና", front_end.normalise(line))
    parts = [decision.split("\t") for decision in decisions]
    assert [first for first, *_ in parts] == [""] * len(parts)
    explained = front_end.explain(line).decisions
    assert [tuple(rest) for _, *rest in parts] == [(one.kind, one.written, one.became) for one in explained]
    read = {written: became for _, _, written, became in parts}
    assert read["2015"] == "ሁለት ሺህ አስራ አምስት"
    assert read["ዶ/ር"] == "ዶክተር"
    assert read["12.50 ብር"] == "አስራ ሁለት ብር ከሃምሳ ሳንቲም"


def test_every_decision_is_one_line_of_four_fields_even_of_odd_signs() -> None:
    done = run("ሰላም\tአንድ\u200b ሁለት\u2028ሶስት ５\n", "--explain")
    assert done.returncode == 0
    normal, *decisions = done.stdout.split("\n")[:-1]
    assert normal == "ሰላም አንድ ሁለት ሶስት አምስት"
    assert decisions
    assert all(decision.startswith("\t") and len(decision.split("\t")) == 4 for decision in decisions)


@pytest.mark.parametrize("flags", [[], ["--explain"]])
def test_a_date_whose_calendar_is_not_written_is_read_with_a_warning(flags: list[str]) -> None:
    done = run("ሰላም\nበ11/09/2024 መጣ\n", *flags)
    assert done.returncode == 0
    assert "ሴፕቴምበር" in done.stdout
    assert done.stderr.startswith("line 2: warning: ")
    assert "11/09/2024" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("line", ["በ12/5/2016 ዓ.ም. መጣ", "2024-09-11", "መስከረም 1 ቀን 2017 ዓ.ም."])
def test_a_date_whose_calendar_is_known_has_no_warning(line: str) -> None:
    assert run(line + "\n").stderr == ""


def test_several_readings_stand_side_by_side() -> None:
    done = run("101\nሰላም\n", "--readings", "2")
    assert done.stdout == "አንድ መቶ አንድ\tመቶ አንድ\nሰላም\n"
    assert run("ሰላም\n", "--readings", "0").returncode == 2


def test_whoever_waits_for_an_answer_gets_it() -> None:
    """A program that sends a line and waits for it must not wait for ever."""
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT) as child:
        try:
            for line, answer in (("5 ብር\n", "አምስት ብር\n"), ("ሰላም፡፡\n", "ሰላም.\n")):
                child.stdin.write(line.encode())
                child.stdin.flush()
                assert select.select([child.stdout], [], [], 20)[0], "no answer to the line"
                assert child.stdout.readline().decode() == answer
        finally:
            child.stdin.close()
            child.kill()


def test_a_reader_that_goes_away_is_no_error() -> None:
    lines = "ሰላም ለዓለም\n".encode() * 20_000
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as child:
        child.stdin.write(lines[:1900])
        child.stdin.flush()
        child.stdout.close()
        try:
            child.stdin.write(lines)
            child.stdin.close()
        except BrokenPipeError:
            child.stdin = None  # the command has ended before it had read everything
        errors = child.stderr.read().decode()
        assert child.wait(60) == 0
    assert errors == ""
