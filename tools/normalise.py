#!/usr/bin/env python3
"""Normalises Amharic text, standard input to standard output, line by line.

echo 'ስብሰባው መስከረም 1 ቀን 2017 ዓ.ም. ከጠዋቱ 3:30 ነው።' | python tools/normalise.py --explain
"""

import argparse
import sys
from collections.abc import Iterable

from amharic_tts.errors import run_command
from amharic_tts.text.error import TextError
from amharic_tts.text.explanation import Decision
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import add_front_end_arguments, front_end_options
from amharic_tts.text.rule import Span

ESCAPES = {ord(sign): sign.encode("unicode_escape").decode() for sign in "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_front_end_arguments(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--explain", action="store_true", help="after each line its decisions: class, written, became")
    shown.add_argument("--readings", type=int, metavar="N", help="print the N likeliest readings, separated by tabs")
    parser.add_argument("--keep-lines", action="store_true", help="an empty line for each line that cannot be read")
    given = parser.parse_args()
    if given.readings is not None and given.readings < 1:
        parser.error("--readings must be at least 1")
    front_end = TextFrontEnd(front_end_options(given))
    unread = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        try:
            print(_answer(line.rstrip(b"\r\n").decode(), front_end, given, number), flush=True)
        except (TextError, UnicodeDecodeError) as error:
            unread += 1
            sys.stdout.flush()
            print(f"line {number}: {error}", file=sys.stderr)
            if given.keep_lines:
                print()
    return 1 if unread else 0


def _answer(raw: str, front_end: TextFrontEnd, given: argparse.Namespace, number: int) -> str:
    if given.explain:
        explanation = front_end.explain(raw)
        _warn(number, explanation.decisions)
        return "\n".join([explanation.normal, *map(_line, explanation.decisions)])
    analysis = front_end.analyse(raw)
    _warn(number, analysis.spans)
    return "\t".join(front_end.readings(raw, given.readings)) if given.readings else analysis.normal


def _line(decision: Decision) -> str:
    """TAB class TAB written TAB became; tabs and line ends inside are shown as escapes, so that it stays one line."""
    fields = (decision.kind, decision.written, decision.became)
    return "".join("\t" + field.translate(ESCAPES) for field in fields)


def _warn(number: int, found: Iterable[Decision | Span]) -> None:
    for one in found:
        if one.warning:
            print(f'line {number}: warning: "{one.written}": {one.warning}', file=sys.stderr)


if __name__ == "__main__":
    if sys.stdin is None or sys.stdout is None:
        sys.exit("error: standard input and standard output must be open")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    run_command(main)
