#!/usr/bin/env python3
"""Trains a vocabulary (SentencePiece BPE behind the text front-end), or extends that of a base model, and reports on it.

python tools/train_vocab.py --manifest train.jsonl --out tokenizer --size 8000
python tools/train_vocab.py --text lines.txt --manifest train.jsonl --out tokenizer --extend base.model --size 24000
python tools/train_vocab.py --report-only tokenizer --manifest other.jsonl --out report

The exit code is 1 when a token of the corpus is unknown or an added piece never occurs.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from amharic_tts.data.manifest import Row, manifest_lines
from amharic_tts.errors import InputError, run_command
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions, add_front_end_arguments, front_end_options
from amharic_tts.text.tokenizer import Tokenizer, extend_vocabulary, train_vocabulary
from amharic_tts.text.vocab.base import Base
from amharic_tts.text.vocab.corpus import Line, Skipped, count_words, normalised, text_lines
from amharic_tts.text.vocab.measure import measure
from amharic_tts.text.vocab.report import Report, text_report, write_page

SIZE, SMALL, LARGE = 8000, 2000, 32000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, action="append", default=[], help="JSON lines with texts (repeatable)")
    parser.add_argument("--text", type=Path, action="append", default=[], help="UTF-8, one text a line (repeatable)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tokenizer and report.html")
    parser.add_argument("--size", type=int, help=f"number of ids, {SMALL} to {LARGE} ({SIZE}); all, with --extend")
    parser.add_argument(
        "--extend", type=Path, metavar="MODEL", help="SentencePiece model of a base, whose ids are kept"
    )
    parser.add_argument("--report-only", type=Path, metavar="TOKENIZER", help="train nothing, report on this tokenizer")
    parser.add_argument("--skip-unreadable", action="store_true", help="leave out lines that the front-end cannot read")
    parser.add_argument("--limit", type=int, default=600, help="longest text of the model, in tokens (%(default)s)")
    add_front_end_arguments(parser)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    check(given)
    if given.report_only:
        tokenizer = Tokenizer.load(given.report_only)
        if front_end_options(given) not in (FrontEndOptions(), tokenizer.front_end.options):
            raise InputError("--report-only uses the tokenizer's own front-end; leave the options of the front-end out")
    else:
        tokenizer = made(given, TextFrontEnd(front_end_options(given)))
        tokenizer.save(given.out)
    skipped = Skipped()
    with progress(given, "measuring") as bar:
        lines = normalised(corpus(given, bar), tokenizer.front_end, skipped if given.skip_unreadable else None)
        found = measure(tokenizer, lines, given.limit)
    if not found.texts:
        raise InputError("there is no text to report on")
    sources = tuple(str(path) for path in (*given.manifest, *given.text))
    report = Report((given.report_only or given.out).resolve().name, tokenizer, found, skipped, sources)
    write_page(report, given.out / "report.html")
    print(text_report(report))
    print(f"{given.report_only or given.out}: {tokenizer.size} ids, fingerprint {tokenizer.fingerprint}")
    print(f"report: {given.out / 'report.html'}")
    for problem in report.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if report.problems else 0


def check(given: argparse.Namespace) -> None:
    """Refuses arguments that do not go together, and makes the output folder, before hours of work."""
    if not given.manifest and not given.text:
        raise InputError("there is no corpus: give --manifest train.jsonl or --text lines.txt, each as often as needed")
    for path in (*given.manifest, *given.text):
        try:
            found = path.is_file()
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror})") from None
        if not found:
            raise InputError(f"{path} does not exist, or is no file")
    if given.limit < 1:
        raise InputError(f"--limit must be at least 1, not {given.limit}")
    if given.report_only and (given.size is not None or given.extend):
        raise InputError("--report-only trains nothing: leave out --size and --extend")
    if given.extend and given.size is None:
        raise InputError("--extend needs --size, the number of ids with those of the base, for instance 24000")
    if given.size is None:
        given.size = SIZE
    if given.size < 1 or (not given.extend and given.size > LARGE):
        raise InputError(f"--size must be {SMALL} to {LARGE}, not {given.size}")
    if not given.extend and given.size < SMALL:
        print(
            f"warning: a vocabulary of {given.size} is for demonstrations; real ones have {SMALL} to {LARGE}",
            file=sys.stderr,
        )
    try:
        given.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {given.out} cannot be made ({error.strerror})") from None


def made(given: argparse.Namespace, front_end: TextFrontEnd) -> Tokenizer:
    """The trained or extended vocabulary."""
    base = Base.read(given.extend) if given.extend else None
    with progress(given, "reading") as bar:
        lines = normalised(corpus(given, bar), front_end, Skipped() if given.skip_unreadable else None)
        words = count_words(line.text for line in lines)
    if base is None:
        return train_vocabulary(words, front_end, given.size)
    with tqdm(desc="choosing pieces", unit="round", mininterval=1.0) as rounds:

        def each(pieces: int, dead: int) -> None:
            rounds.set_postfix(pieces=pieces, dead=dead, refresh=False)
            rounds.update()

        return extend_vocabulary(base, words, front_end, given.size, each)


def progress(given: argparse.Namespace, label: str) -> tqdm:
    """A bar over the bytes of the corpus."""
    total = sum(path.stat().st_size for path in (*given.manifest, *given.text))
    return tqdm(desc=label, total=total, unit="B", unit_scale=True, mininterval=1.0)


def corpus(given: argparse.Namespace, bar: tqdm) -> Iterator[Line]:
    """Every text of the manifests, then of the text files, as it is written."""
    for path in given.manifest:
        for number, _, data in manifest_lines(path):
            try:
                row = Row.from_json(data)
            except InputError as error:
                raise InputError(f"{path}:{number}: {error}") from None
            bar.update(len(data))
            yield Line(f"{path}:{number}", row.text, row.duration)
    for path in given.text:
        for line, size in text_lines(path):
            bar.update(size)
            yield line


if __name__ == "__main__":
    run_command(main)
