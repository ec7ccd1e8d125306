"""Writes recorded_readings.json anew: what this front-end makes of many texts, beside its fingerprint.

python tests/text/record_readings.py
"""

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
RECORD = HERE / "recorded_readings.json"


def examples() -> list[str]:
    """The texts: the examples of the specification and the sentences of the demo, as they are written."""
    from amharic_tts.demo.corpus import everyday_sentences

    with open(HERE / "spec_examples.tsv", encoding="utf-8", newline="") as file:
        rows = [row["input"].partition(" [mode=")[0] for row in csv.DictReader(file, delimiter="\t")]
    return list(dict.fromkeys(rows + everyday_sentences()))


def readings() -> dict[str, str]:
    """What each text becomes, or the first words of the error for what is refused."""
    from amharic_tts.text.error import TextError
    from amharic_tts.text.front_end import TextFrontEnd

    front_end, found = TextFrontEnd(), {}
    for text in examples():
        try:
            found[text] = front_end.normalise(text)
        except TextError as error:
            found[text] = f"refused: {error.offending}"
    return found


def main() -> None:
    from amharic_tts.text.front_end import TextFrontEnd

    record = {"fingerprint": TextFrontEnd().fingerprint, "readings": readings()}
    RECORD.write_text(json.dumps(record, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print(f"{RECORD}: {len(record['readings'])} readings, fingerprint {record['fingerprint']}", file=sys.stderr)


if __name__ == "__main__":
    main()
