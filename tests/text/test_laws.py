"""Laws of the front-end on ten thousand lines: stable, closed, explained."""

import pytest
from text.written_lines import written_lines

from amharic_tts.text.classes import web
from amharic_tts.text.classify import NUMBERS, WORDS
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return written_lines(10_000)


@pytest.mark.parametrize(
    "options",
    [FrontEndOptions(), FrontEndOptions(False, False, "ethiopic", "keep", "to_ethiopian")],
    ids=["default", "other"],
)
def test_every_line_is_read_and_reading_again_changes_nothing(lines: list[str], options: FrontEndOptions) -> None:
    front_end = TextFrontEnd(options)
    for line in lines:
        normal = front_end.normalise(line)
        assert set(normal) <= front_end.alphabet
        assert front_end.normalise(normal) == normal, line


def test_the_decisions_account_for_every_letter(lines: list[str]) -> None:
    """The text with each decision carried out has the letters of the result: nothing changes unexplained."""
    front_end = TextFrontEnd(FrontEndOptions(False, False))  # the digraphs at the edge of a span apart
    for line in lines[::5]:
        explanation = front_end.explain(line)
        text, position = "", 0
        for decision in explanation.decisions:
            if decision.kind != "unicode":
                assert decision.start >= position
                assert explanation.text[decision.start : decision.end] == decision.written
                text += explanation.text[position : decision.start] + decision.became
                position = decision.end
        text += explanation.text[position:]
        assert letters(text) == letters(explanation.normal), line


def letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalpha())


def test_readings_begin_with_the_canonical_one_and_are_stable_texts(lines: list[str]) -> None:
    front_end = TextFrontEnd()
    for line in lines[-300:]:
        readings = front_end.readings(line, limit=5)
        assert readings[0] == front_end.normalise(line)
        assert len(set(readings)) == len(readings) <= 5
        assert all(front_end.normalise(reading) == reading for reading in readings)


@pytest.mark.parametrize(
    ("written", "readings"),
    [
        ("100", ["መቶ", "አንድ መቶ"]),
        ("120 ብር", ["አንድ መቶ ሃያ ብር", "መቶ ሃያ ብር"]),
        ("1987", ["አንድ ሺህ ዘጠኝ መቶ ሰማንያ ሰባት", "ሺህ ዘጠኝ መቶ ሰማንያ ሰባት", "አስራ ዘጠኝ መቶ ሰማንያ ሰባት"]),
        ("8:15", ["ስምንት ሰዓት ከሩብ", "ስምንት ሰዓት ከአስራ አምስት ደቂቃ"]),
        ("2:45", ["ሁለት ሰዓት ከአርባ አምስት ደቂቃ", "ለሶስት ሰዓት ሩብ ጉዳይ"]),
        ("1/2", ["ግማሽ", "አንድ ሁለተኛ"]),
        ("25%", ["ሃያ አምስት በመቶ", "ሃያ አምስት ፐርሰንት"]),
        ("ሰላም", ["ሰላም"]),
        ("", [""]),
    ],
)
def test_readings_are_what_a_speaker_may_have_said(written: str, readings: list[str]) -> None:
    assert TextFrontEnd(FrontEndOptions(False, False)).readings(written) == readings


def test_readings_of_several_spans_vary_one_after_the_other() -> None:
    readings = TextFrontEnd().readings("100 ወይም 25%", limit=3)
    assert readings == ["መቶ ወይም ሀያ አምስት በመቶ", "አንድ መቶ ወይም ሀያ አምስት በመቶ", "መቶ ወይም ሀያ አምስት ፐርሰንት"]
    assert len(TextFrontEnd().readings("100 200 ሰዎች 100 ብር 100%", limit=2)) == 2


def test_explain_says_what_each_span_is_and_became() -> None:
    explanation = TextFrontEnd().explain("«ሠላም» ለ3ቱ፡ልጆች\u200b፦ ሞልቱዋል 5 km ፡፡ 11/09/2024")
    found = [(one.kind, one.written, one.became) for one in explanation.decisions]
    assert found == [
        ("punctuation", "«", '"'),
        ("homophone", "ሠላም", "ሰላም"),
        ("punctuation", "»", '"'),
        ("clitic", "3ቱ", "ሶስቱ"),
        ("punctuation", "፡", " "),
        ("unicode", "\u200b", ""),
        ("punctuation", "፦", ":"),
        ("labialised", "ሞልቱዋል", "ሞልቷል"),
        ("unit", "5 km", "አምስት ኪሎ ሜትር"),
        ("punctuation", "፡፡", "."),
        ("date", "11/09/2024", "ሴፕቴምበር አስራ አንድ ቀን ሁለት ሺህ ሀያ አራት"),
    ]
    assert "calendar" in explanation.decisions[-1].warning
    assert explanation.normal == TextFrontEnd().normalise(explanation.raw)


@pytest.mark.parametrize(
    ("option", "value", "written", "spoken"),
    [
        ("hundred", "one", "100", "አንድ መቶ"),
        ("years", "cardinal", "1966 ዓ.ም.", "አንድ ሺህ ዘጠኝ መቶ ስልሳ ስድስት ዓመተ ምህረት"),
        ("day_order", "month_first", "11/09/2024", "ኖቬምበር ዘጠኝ ቀን ሁለት ሺህ ሃያ አራት"),
        ("calendar", "ethiopian", "11/09/2016", "ግንቦት አስራ አንድ ቀን ሁለት ሺህ አስራ ስድስት"),
        ("hyphen", "juxtapose", "10-15", "አስር አስራ አምስት"),
        ("clock", "to_ethiopian", "14:30", "ከቀኑ ስምንት ሰዓት ተኩል"),
        ("latin", "keep", "በTelegram እና don't", "በTelegram እና don't"),
        ("punctuation", "ascii", "ሰላም።", "ሰላም."),
    ],
)
def test_every_option_changes_what_it_says(option: str, value: str, written: str, spoken: str) -> None:
    base = {"fold_homophones": False, "fold_labiovelars": False, "punctuation": "ethiopic"}
    front_end, default = TextFrontEnd(FrontEndOptions(**base | {option: value})), TextFrontEnd(FrontEndOptions(**base))
    assert front_end.normalise(written) == spoken != default.normalise(written)
    assert front_end.fingerprint != default.fingerprint


def test_a_slash_between_words_can_be_refused() -> None:
    assert TextFrontEnd().normalise("አብዛኛው/ሁሉም") == "አብዛኛው ወይም ሁሉም"
    with pytest.raises(TextError) as caught:
        TextFrontEnd(FrontEndOptions(slash="refuse")).normalise("አብዛኛው/ሁሉም")
    assert caught.value.offending == "/"


def test_no_rule_is_passed_over_where_it_could_apply(lines: list[str]) -> None:
    """`needs` is a short cut, never a decision."""
    with_needs = [rule for rule in (*web.RULES, *NUMBERS, *WORDS) if rule.needs]
    assert len(with_needs) > 30
    for line in lines[::10]:
        for rule in with_needs:
            if set(rule.needs).isdisjoint(line):
                assert not rule.pattern.search(line), (rule.kind, line)


@pytest.mark.parametrize(
    "piece", ["100+", "100.", "5 ሰው ", "100 ብር፣ ", "5 - ", "a-", "ሀ.", "A.", "555 ", "@a", "  ሰላም\u200b "]
)
def test_long_texts_are_read_as_short_ones(piece: str) -> None:
    text = piece * 1500 + "100"
    front_end = TextFrontEnd()
    assert front_end.readings(text, limit=3)[0] == front_end.explain(text).normal == front_end.normalise(text)
