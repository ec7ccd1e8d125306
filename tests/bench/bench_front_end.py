"""How fast the text front-end is on one core, and how much memory it takes: `python tests/bench/bench_front_end.py`.

The first table has the lines per second of sentences without figures, of the same with one date, time or amount each,
and of each class alone; figures are of processor time, the middle of several tries, so that a busy machine changes them
little. With `--stream GB` that many gigabytes, with ever other numbers, go through `tools/normalise.py`; the second table
has its resident memory on the way, which must stay where it is (its caches are full after some 50 MB).
"""

import argparse
import itertools
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import add_front_end_arguments, front_end_options

ROOT = Path(__file__).parents[2]
TEXT = ROOT.parent / "shared" / "data" / "amharic_sentences.txt"
MONTHS = ["መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ", "ሐምሌ", "ነሐሴ"]

# What is written into a sentence to make it one of its class; n is any number from 1 on.
CLASSES = {
    "cardinal": lambda n: f"{n % 100_000}",
    "decimal": lambda n: f"{n % 1000}.{n % 97}",
    "ordinal": lambda n: f"{n % 100 + 1}ኛ",
    "ethiopic_num": lambda n: "፲፳፴፵፶፷፸፹፺"[n % 9] + "፩፪፫፬፭፮፯፰፱"[n // 9 % 9],
    "clitic": lambda n: f"በ{n % 3000}",
    "currency": lambda n: f"{n % 5000}.{n % 100:02d} ብር",
    "percent": lambda n: f"{n % 100}%",
    "range": lambda n: f"{n % 50}-{n % 50 + 7}",
    "date_eth": lambda n: f"{MONTHS[n % 12]} {n % 30 + 1} ቀን {1900 + n % 117} ዓ.ም.",
    "date_greg": lambda n: f"{1900 + n % 125}-{n % 12 + 1:02d}-{n % 28 + 1:02d}",
    "time": lambda n: f"ከጠዋቱ {n % 12 + 1}:{n % 60:02d}",
    "phone": lambda n: f"09{n % 10**8:08d}",
    "abbrev": lambda n: ("ዶ/ር", "ወ/ሮ", "በት/ቤቱ", "የጠ/ሚሩ")[n % 4],
    "latin": lambda n: ("Facebook", "በTelegram", "BBC", "Zarqa")[n % 4],
    "url": lambda n: f"www.ebc{n % 10}.et",
    "unit": lambda n: f"{n % 300} ኪ.ሜ.",
}
MIXED = ("date_eth", "date_greg", "time", "currency", "cardinal", "percent", "clitic")


def plain_lines(path: Path | None, front_end: TextFrontEnd) -> list[str]:
    """The lines of the text that hold no figure and can be read."""
    lines = path.read_text(encoding="utf-8").splitlines() if path else everyday_sentences()
    return [line for line in lines if line.strip() and not re.search(r"[\d፩-፼/]", line) and readable(line, front_end)]


def readable(line: str, front_end: TextFrontEnd) -> bool:
    try:
        front_end.normalise(line)
    except TextError:
        return False
    return True


def with_class(lines: list[str], kinds: tuple[str, ...]) -> list[str]:
    """Each line with something of one of the classes before its second word."""
    draw = random.Random(0)
    out = []
    for line, kind in zip(lines, itertools.cycle(kinds)):
        first, _, rest = line.partition(" ")
        out.append(f"{first} {CLASSES[kind](draw.randrange(1, 10**9))} {rest}".strip())
    return out


def microseconds(lines: list[str], front_end: TextFrontEnd, tries: int) -> float:
    """Processor time of a line, in microseconds."""

    def once() -> float:
        begin = time.process_time()
        for line in lines:
            front_end.normalise(line)
        return 1e6 * (time.process_time() - begin) / len(lines)

    return statistics.median(once() for _ in range(tries))


def endless(lines: list[str]) -> Iterator[bytes]:
    """The lines for ever, every second one with a date, time or amount; the numbers go on and on."""
    kinds = itertools.cycle(MIXED)
    for count, line in enumerate(itertools.cycle(lines), 1):
        first, _, rest = line.partition(" ")
        yield (line if count % 2 else f"{first} {CLASSES[next(kinds)](count)} {rest}").encode() + b"\n"


def stream(lines: list[str], gigabytes: float, points: int) -> None:
    """Prints the memory of `tools/normalise.py` at several points of a stream of that size."""
    command = [sys.executable, str(ROOT / "tools" / "normalise.py"), "--keep-lines"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    total, written, count = int(gigabytes * 1e9), 0, 0
    answered = [0]

    def drain() -> None:
        for _ in child.stdout:
            answered[0] += 1

    reader = threading.Thread(target=drain)
    reader.start()
    process, begin = psutil.Process(child.pid), time.monotonic()
    print("\n| GB in | lines | resident MB | peak MB | lines/s (wall) |\n|---|---|---|---|---|")
    source = endless(lines)
    for point in range(1, points + 1):
        while written < total * point / points:
            block = b"".join(itertools.islice(source, 1000))
            child.stdin.write(block)
            written, count = written + len(block), count + 1000
        speed = answered[0] / (time.monotonic() - begin)
        resident = process.memory_info().rss / 1e6
        print(f"| {written / 1e9:.3f} | {count} | {resident:.1f} | {peak_mb(child.pid)} | {speed:.0f} |", flush=True)
    child.stdin.close()
    reader.join()
    code = child.wait()
    print(f"\nexit code {code}, {answered[0]} lines of {count} came back")


def peak_mb(pid: int) -> str:
    """The largest resident size so far, where the system tells it (Linux)."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return f"{int(found[1]) * 1024 / 1e6:.1f}" if found else "-"


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, default=TEXT if TEXT.is_file() else None, help="lines (%(default)s)")
    parser.add_argument("--tries", type=int, default=5, help="tries of each figure (%(default)s)")
    parser.add_argument("--stream", type=float, metavar="GB", help="also pipe so much through tools/normalise.py")
    parser.add_argument("--points", type=int, default=8, help="rows of the stream's table (%(default)s)")
    add_front_end_arguments(parser)
    given = parser.parse_args()
    front_end = TextFrontEnd(front_end_options(given))
    lines = plain_lines(given.text, front_end)
    plain = microseconds(lines, front_end, given.tries)
    print(f"{given.text or 'the demo sentences'}: {len(lines)} lines without figures, ", end="")
    print(f"{statistics.mean(len(line.split()) for line in lines):.1f} words each\n")
    print("| lines | lines/s | µs a line | times the plain ones |\n|---|---|---|---|")
    rows = {"without figures": lines, "with figures, mixed": with_class(lines, MIXED)}
    rows |= {kind: with_class(lines, (kind,)) for kind in CLASSES}
    for name, some in rows.items():
        figure = plain if some is lines else microseconds(some, front_end, given.tries)
        print(f"| {name} | {1e6 / figure:.0f} | {figure:.1f} | {figure / plain:.1f} |", flush=True)
    if given.stream:
        stream(lines, given.stream, given.points)


if __name__ == "__main__":
    main()
