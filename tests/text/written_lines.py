"""Many lines as people write them, with every class of the front-end in them: for laws that want a corpus."""

import random
from pathlib import Path

from amharic_tts.demo.corpus import everyday_sentences

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "amharic_sentences.txt"
MONTHS = ("መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ", "ሐምሌ", "ነሐሴ")


def written_lines(count: int, seed: int = 0) -> list[str]:
    """`count` lines: the project's sentences, those of the shared corpus where it lies beside the clone, and classes."""
    draw = random.Random(seed)
    sentences = everyday_sentences()
    if CORPUS.is_file():
        sentences += CORPUS.read_text(encoding="utf-8").splitlines()
    return [*sentences, *(_with_classes(draw, sentences) for _ in range(count - len(sentences)))]


def _with_classes(draw: random.Random, sentences: list[str]) -> str:
    words = draw.choice(sentences).split()
    for _ in range(draw.randint(1, 3)):
        words.insert(draw.randint(0, len(words)), _written(draw))
    return " ".join(words)


def _written(draw: random.Random) -> str:
    small, large = draw.randint(1, 59), draw.randint(1, 10 ** draw.randint(2, 12))
    hour, minute, day, month = draw.randint(1, 12), draw.randint(0, 59), draw.randint(1, 30), draw.randint(1, 12)
    year = draw.randint(1100, 2030)
    name = MONTHS[month - 1]
    return draw.choice(
        [
            f"{large}", f"{large:,}", f"በ{year}", f"{small}.{minute}", f"{small}ኛ", f"{small}ኛው", f"{small}%", f"{large:,} ብር",
            f"{small}.{minute:02} ብር", f"${small}", f"{small}-{small + minute + 1}", f"{small}/{small + 3}", f"{hour}:{minute:02}",
            f"ከጠዋቱ {hour}፡{minute:02} ሰዓት", f"{name} {day} ቀን {year} ዓ.ም.", f"{day}/{month}/{year} ዓ.ም.", f"{day}/{month}/2024",
            f"2024-{month:02}-{min(day, 28):02}", f"በ{year} ዓ.ም.", f"እ.ኤ.አ. በ{year}", f"09{large % 10**8:08}", f"-{small}", f"{small}°C",
            f"{small} ኪ.ሜ.", f"{small} km/h", "በት/ቤቱ", "የጠ/ሚሩ", "ዶ/ር", "ገ/ማርያም", "ኢ.ፌ.ዲ.ሪ.", "BBC", "በTelegram", "www.ebc.et",
            "info@ethiotelecom.et", f"{small}+{minute}", "አብዛኛው/ሁሉም", "«ሠላም»", "ሞልቱዋል", "፲፱፻፸፬", "ምዕራፍ ፫፡፲፮", f"G{small}", "&", "–",
        ]
    )  # fmt: skip
