"""The law of the fingerprint: a text never becomes something else under the same one.

Code is not in the fingerprint, so what it gives is recorded here. Where a reading is changed on purpose: raise VERSION
in amharic_tts/text/front_end.py (tables, words and patterns change the fingerprint by themselves), then run
`python tests/text/record_readings.py` and look at the difference.
"""

import json
import os
import subprocess
import sys

from text.record_readings import RECORD, readings

from amharic_tts.text.front_end import TextFrontEnd


def test_the_same_fingerprint_gives_the_same_readings() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    found = readings()
    changed = {text: (was, found.get(text)) for text, was in record["readings"].items() if found.get(text) != was}
    same = record["fingerprint"] == TextFrontEnd().fingerprint
    assert not (changed and same), f"raise VERSION, then record anew: {changed}"
    assert same, f"record anew with `python tests/text/record_readings.py`; what changes: {changed}"
    assert found.keys() == record["readings"].keys()


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    """Not of an order that hashing decides."""
    program = "from amharic_tts.text.front_end import TextFrontEnd; print(TextFrontEnd().fingerprint)"
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }  # fmt: skip
    assert found == {TextFrontEnd().fingerprint}
