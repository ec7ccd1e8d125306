"""Laws of the text front-end: closed alphabet, idempotence, nothing lost in silence."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.errors import InputError
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.labialised import contract
from amharic_tts.text.letters import LETTERS
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.punctuation import READABLE

FRONT_ENDS = [
    TextFrontEnd(FrontEndOptions(fold, labiovelars, punctuation=marks, latin=latin))
    for fold in (True, False)
    for labiovelars in (True, False)
    for marks in ("ascii", "ethiopic")
    for latin in ("spell", "keep")
]
FRONT_ENDS += [
    TextFrontEnd(FrontEndOptions(clock="to_ethiopian", hyphen="juxtapose", slash="refuse", hundred="one", latin=latin))
    for latin in ("spell", "keep")
]
FRONT_ENDS.append(TextFrontEnd(FrontEndOptions(day_order="month_first", calendar="ethiopian", years="cardinal")))
# What the classes are made of, so that random texts hit their edges.
PIECES = [
    *"0123456789፩፪፲፻፼.,:/-–−+×=%‰°$€£&@#*½²<>~()«»።፣፡፤ ",
    *(
        "ዓ.ም.",
        "እ.ኤ.አ.",
        "በ",
        "የ",
        "ኛ",
        "ዎቹ",
        "ቱ",
        "ሰላም",
        "ት/ቤት",
        "ገ/",
        "መስከረም",
        "ጳጉሜን",
        "ቀን",
        "ሰዓት",
        "ከጠዋቱ",
        "ብር",
        "ኪ.ሜ.",
        "ለ",
    ),
    *(
        "km",
        "AM",
        "Jan",
        "USD",
        "www.",
        ".com",
        "Facebook",
        "xyz",
        "é",
        "ĸ",
        "ŀ",
        "st",
        "\u00a0",
        "\u200b",
        "０",
        "：",
        "ሁዋ",
        "\u135f",
    ),
]
READABLE_TEXT = st.text(st.sampled_from(sorted(READABLE | LETTERS)), min_size=1, max_size=30)
WRITTEN_TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join)


def read(front_end: TextFrontEnd, raw: str) -> str | TextError:
    try:
        return front_end.normalise(raw)
    except TextError as error:
        return error


@pytest.mark.parametrize("front_end", FRONT_ENDS, ids=lambda one: "-".join(map(str, vars(one.options).values())))
@given(raw=st.one_of(READABLE_TEXT, WRITTEN_TEXT, st.text(min_size=1, max_size=20)))
@settings(max_examples=250, deadline=None)
def test_any_text_is_refused_or_becomes_a_stable_text_of_the_alphabet(front_end: TextFrontEnd, raw: str) -> None:
    text = read(front_end, raw)
    if isinstance(text, TextError):
        start, end = text.span
        assert start < end
        assert all(f"U+{ord(sign):04X}" in str(text) for sign in text.offending[:8])
        return
    assert set(text) <= front_end.alphabet
    assert any(sign.isalpha() for sign in text)
    assert front_end.normalise(text) == text
    assert text == unicodedata.normalize("NFC", text)
    assert "  " not in text
    assert text == text.strip()


@given(st.text(st.sampled_from(sorted(LETTERS)), min_size=1))
def test_letters_are_never_lost(raw: str) -> None:
    """But for ዋ after the second order of a consonant, which is one sound with it."""
    folded = TextFrontEnd().normalise(raw)
    assert len(folded) == len(contract(raw))
    assert TextFrontEnd(FrontEndOptions(False, False)).normalise(raw) == contract(raw)


def test_no_letter_is_both_folded_and_a_result_of_folding() -> None:
    front_end = TextFrontEnd()
    for letter in LETTERS:
        once = front_end.normalise(letter)
        assert front_end.normalise(once) == once
        assert once in LETTERS
    assert front_end.normalise("ሠላም ፀሐይ ኃይል ሥራ ዓለም ቍጥር") == "ሰላም ጸሀይ ሀይል ስራ አለም ቁጥር"
    assert front_end.normalise("ኸረ ኧረ ኋላ") == "ኸረ ኧረ ኋላ"


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("ሰላም፡፡", "ሰላም."),
        ("ሰላም ። እሺ", "ሰላም. እሺ"),
        ("ሰላም፣ደህና", "ሰላም, ደህና"),
        ("ሰው፡ልጅ፡ሁሉ", "ሰው ልጅ ሁሉ"),
        ("እንዲህ አለ፡- «ና»", 'እንዲህ አለ: "ና"'),
        ("ምን?!!", "ምን?!"),
        ("እሺ....", "እሺ…"),
        ("- ሰላም – እሺ", "ሰላም, እሺ"),
        ("ደረጃ-በደረጃ", "ደረጃ በደረጃ"),
        ("[ሰላም ]", "(ሰላም)"),
        ("ሰላም\u200b\tዓለም\u00a0ነው", "ሰላም አለም ነው"),
        ("በ２０１５ መጣ", "በሁለት ሺህ አስራ አምስት መጣ"),
        ("እስከ100", "እስከ መቶ"),
        ("ዋጋው 1,250 ነው", "ዋጋው አንድ ሺህ ሁለት መቶ ሀምሳ ነው"),
        ("007", "ዜሮ ዜሮ ሰባት"),
        ("1000000000000", "አንድ ትሪሊዮን"),
    ],
)
def test_examples(raw: str, normal: str) -> None:
    assert TextFrontEnd().normalise(raw) == normal


@pytest.mark.parametrize(
    ("raw", "span"),
    [
        ("ሰላም 你好 ሰላም", "你好"),
        ("ሰላም 😀", "😀"),
        ("ቀኑ 32/13/2016 ነው", "32/13/2016"),
        ("በ12-5-2016-3 መጣ", "12-5-2016-3"),
        ("1,23", "1,23"),
        ("ጊዜው 1:2:3 ነው", "1:2:3"),
        ("፲፱፲ ሰዎች", "፲፱፲"),
        ("9" * 5000, "9" * 5000),
        ("ገ/ል መጣ", "/"),
        ("\ue000", "\ue000"),
        ("5\ue000", "\ue000"),
        ("…።", "…።"),
        ("\u200b", "\u200b"),
        ("\ud800", "\ud800"),
        ("٣", "٣"),
        ("ሀ^ለ", "^"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_span(raw: str, span: str) -> None:
    with pytest.raises(TextError) as caught:
        TextFrontEnd().normalise(raw)
    assert caught.value.offending == span
    assert f"U+{ord(span[0]):04X}" in str(caught.value)
    str(caught.value).encode()  # printable on any terminal
    assert len(str(caught.value)) < 500


def test_the_empty_text_stays_empty() -> None:
    assert TextFrontEnd().normalise("") == ""


def test_everyday_sentences_are_readable_and_short() -> None:
    sentences = everyday_sentences()
    assert len(sentences) >= 150
    assert len(set(sentences)) == len(sentences)
    for sentence in sentences:
        assert 1 <= len(sentence.split()) <= 7  # greetings are short
        assert TextFrontEnd().normalise(sentence)


def test_the_record_brings_back_the_same_front_end() -> None:
    for front_end in FRONT_ENDS:
        again = TextFrontEnd.from_json(front_end.to_json())
        assert again == front_end
        assert again.fingerprint == front_end.fingerprint


def test_every_choice_has_its_own_fingerprint() -> None:
    assert len({front_end.fingerprint for front_end in FRONT_ENDS}) == len(FRONT_ENDS)


def test_a_changed_rule_is_another_front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    record = TextFrontEnd().to_json()
    monkeypatch.setattr("amharic_tts.text.homophones.HOMOPHONES", {"ሠ": "ሰ"})
    with pytest.raises(InputError, match=r"another text front-end.*tools/train_vocab\.py"):
        TextFrontEnd.from_json(record)


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "0" * 32},
        {"options": {"fold_homophones": False, "fold_labiovelars": True, "punctuation": "ascii"}},
        {"options": {"unknown": 1}},
        {"options": {"punctuation": "none"}},
        {"options": {"fold_homophones": "yes"}},
    ],
)
def test_a_tampered_record_is_refused(change: dict) -> None:
    record = json.loads(TextFrontEnd().to_json()) | change
    with pytest.raises(InputError):
        TextFrontEnd.from_json(json.dumps(record))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"fingerprint": 1}'])
def test_no_record_at_all_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        TextFrontEnd.from_json(text)
