"""Writes recorded_readings.json anew: what this front-end makes of many texts, beside its fingerprint.

python tests/text/record_readings.py
"""

import csv
import json
import sys
from dataclasses import fields
from pathlib import Path

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

HERE = Path(__file__).parent
RECORD = HERE / "recorded_readings.json"


def examples() -> list[str]:
    """The texts: the examples of the specification and the sentences of the demo, as they are written."""
    with open(HERE / "spec_examples.tsv", encoding="utf-8", newline="") as file:
        rows = [row["input"].partition(" [mode=")[0] for row in csv.DictReader(file, delimiter="\t")]
    return list(dict.fromkeys(rows + everyday_sentences()))


def front_ends() -> dict[str, TextFrontEnd]:
    """The default, and one whose every option is another."""
    other = {
        option.name: option.metadata["choices"][1] if option.metadata else not option.default
        for option in fields(FrontEndOptions)
    }
    return {"default": TextFrontEnd(), "other": TextFrontEnd(FrontEndOptions(**other))}


def readings() -> dict[str, list[str]]:
    """What each text becomes by each front-end, or what of it is refused."""
    return {text: [_reading(text, front_end) for front_end in front_ends().values()] for text in examples()}


def _reading(text: str, front_end: TextFrontEnd) -> str:
    try:
        return front_end.normalise(text)
    except TextError as error:
        return f"refused: {error.offending}"


def main() -> None:
    record = {"fingerprint": TextFrontEnd().fingerprint, "readings": readings()}
    RECORD.write_text(json.dumps(record, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{RECORD}: {len(record['readings'])} readings, fingerprint {record['fingerprint']}", file=sys.stderr)


if __name__ == "__main__":
    main()
