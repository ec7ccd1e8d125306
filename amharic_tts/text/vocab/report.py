"""The report of a vocabulary on a corpus: lines for the terminal, and one self-contained page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from amharic_tts.publish import publish
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.text.vocab.corpus import Skipped
from amharic_tts.text.vocab.fidel import FIDEL, LABIALISED
from amharic_tts.text.vocab.measure import Dead, Measures, dead_pieces

SHOWN = 40  # pieces of a list in the page; the terminal shows a quarter of them
SHADES = (1, 10, 100, 1000, 10_000)  # counts from which a cell of the grid is darker
EXCERPT = 90  # characters of a long text


@dataclass(frozen=True)
class Cell:
    """A letter of the chart. becomes: what the front-end writes for it where that is another letter; then it is never
    counted."""

    letter: str
    count: int
    becomes: str = ""

    @property
    def code(self) -> str:
        """The code point."""
        return f"U+{ord(self.letter):04X}"

    @property
    def shade(self) -> str:
        """CSS class."""
        return "folded" if self.becomes else f"h{sum(self.count >= least for least in SHADES)}"


@dataclass(frozen=True)
class Coverage:
    """The letters of the chart with their counts in the corpus."""

    fidel: tuple[tuple[Cell, ...], ...]
    labialised: tuple[Cell, ...]
    others: tuple[Cell, ...]

    @classmethod
    def of(cls, found: Measures, front_end: TextFrontEnd) -> "Coverage":
        def cell(letter: str) -> Cell:
            try:
                normal = front_end.normalise(letter)
            except TextError:
                normal = letter
            return Cell(letter, found.letters[letter], normal if normal != letter else "")

        charted = {letter for row in FIDEL for letter in row} | set(LABIALISED)
        others = sorted(sign for sign in found.letters if sign != " " and sign not in charted)
        return cls(
            tuple(tuple(map(cell, row)) for row in FIDEL),
            tuple(map(cell, LABIALISED)),
            tuple(Cell(sign, found.letters[sign]) for sign in others),
        )

    @staticmethod
    def summary(cells: Sequence[Cell]) -> str:
        """For instance: 180 of 231 occur, 35 are written otherwise, 16 do not occur."""
        folded = sum(bool(cell.becomes) for cell in cells)
        seen = sum(cell.count > 0 for cell in cells)
        return (
            f"{seen} of {len(cells)} occur, {folded} are written otherwise, {len(cells) - folded - seen} do not occur"
        )

    def all_fidel(self) -> list[Cell]:
        return [cell for row in self.fidel for cell in row]


@dataclass(frozen=True)
class Report:
    """A vocabulary and what it does to a corpus. sources: the files of the corpus."""

    name: str
    tokenizer: Tokenizer
    found: Measures
    skipped: Skipped
    sources: tuple[str, ...]

    @property
    def dead(self) -> Dead:
        return dead_pieces(self.tokenizer, self.found)

    @property
    def problems(self) -> list[str]:
        """What must not be: an unknown token, or a dead piece in what was added to a base."""
        out = []
        if self.found.unknown:
            out.append(f"{self.found.unknown} tokens are unknown: the vocabulary cannot spell this corpus")
        if self.tokenizer.base_size and self.dead.pieces:
            out.append(f"{len(self.dead.pieces)} added pieces never occur in this corpus")
        return out

    @property
    def byte_tokens(self) -> int:
        """Tokens that are single bytes of a letter that is no piece."""
        return int(self.found.times[sorted(self.tokenizer.byte_ids())].sum())

    def most_frequent(self, amount: int) -> list[tuple[str, int]]:
        """The commonest pieces with their counts."""
        pieces, times = self.tokenizer.pieces(), self.found.times
        order = sorted(range(len(times)), key=lambda one: (-times[one], one))[:amount]
        return [(pieces[one], int(times[one])) for one in order if times[one]]

    def figures(self) -> list[tuple[str, str]]:
        """The figures: (label, value)."""
        found, tokenizer = self.found, self.tokenizer
        rows = [("ids", f"{tokenizer.size:,}")]
        if tokenizer.initialisation:
            how = ", ".join(f"{count:,} {way}" for way, count in tokenizer.initialisation.found().items())
            rows.append(("of them the base's", f"{tokenizer.base_size:,}"))
            rows.append(("added rows start from", how))
        rows += [
            (
                "texts",
                f"{found.texts:,}" + (f" ({self.skipped.count:,} unreadable left out)" if self.skipped.count else ""),
            ),
            ("tokens", f"{found.tokens:,}"),
            ("unknown rate", f"{ratio(found.unknown, found.tokens):.6f} ({found.unknown:,} tokens)"),
            ("bytes instead of letters", f"{self.byte_tokens:,} tokens"),
            ("characters per token", f"{ratio(found.characters, found.tokens):.2f}"),
            ("bytes per token", f"{ratio(found.bytes, found.tokens):.2f}"),
            (
                "dead pieces",
                f"{len(self.dead.pieces):,}, and {len(self.dead.coverage):,} single signs for coverage only",
            ),
        ]
        if found.timed:
            at = ", ".join(f"{share} %: {rate:.1f}" for share, rate in found.percentiles().items())
            rows.append(("tokens per second of speech", f"{found.rate:.1f} over {found.seconds / 3600:.2f} h ({at})"))
        else:
            rows.append(("tokens per second of speech", "no durations known (--manifest has them)"))
        longest = found.longest[0][0] if found.longest else 0
        rows.append(
            (f"over the limit of {found.limit} tokens", f"{found.over_limit:,} texts (the longest has {longest:,})")
        )
        return rows


def ratio(count: int, all_: int) -> float:
    """A share; 0 of nothing."""
    return count / all_ if all_ else 0.0


def shorten(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def text_report(report: Report) -> str:
    """The report as lines for the terminal."""
    coverage = Coverage.of(report.found, report.tokenizer.front_end)
    rows = report.figures()
    rows.append(("fidel", coverage.summary(coverage.all_fidel())))
    rows.append(("labialised forms", coverage.summary(coverage.labialised)))
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:{width}}  {value}" for label, value in rows]
    few = SHOWN // 4
    absent = [cell.letter for cell in coverage.all_fidel() if not cell.count and not cell.becomes]
    for label, signs in (
        ("letters that do not occur", absent),
        ("dead pieces", report.dead.pieces),
        ("for coverage only", report.dead.coverage),
    ):
        if signs:
            lines.append(f"{label}: {' '.join(signs[:few])}" + (f" … ({len(signs):,})" if len(signs) > few else ""))
    lines.append("most frequent: " + "  ".join(f"{piece} {count:,}" for piece, count in report.most_frequent(few)))
    lines.append(
        "labialised forms that occur: " + " ".join(f"{c.letter} {c.count:,}" for c in coverage.labialised if c.count)
    )
    lines.append("longest texts:")
    lines += [f"  {tokens:5,} tokens  {place}  {shorten(text)}" for tokens, _, place, text in report.found.longest]
    if report.skipped.count:
        lines.append(f"{report.skipped.count:,} lines were left out because the front-end cannot read them, the first:")
        lines += [f"  {reason}" for reason in report.skipped.first]
    return "\n".join(lines)


def write_page(report: Report, out: Path) -> None:
    """Writes the report as one HTML file without anything outside it."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("amharic_tts.text.vocab", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": lambda value: f"{value:,}", "shorten": shorten}
    coverage = Coverage.of(report.found, report.tokenizer.front_end)
    page = environment.get_template("report.html").render(
        report=report,
        found=report.found,
        dead=report.dead,
        coverage=coverage,
        shades=SHADES,
        shown=SHOWN,
        options=vars(report.tokenizer.front_end.options),
        ratio=ratio,
    )
    with publish(out) as file:
        file.write(page.encode())
