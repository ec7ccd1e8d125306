"""No rule without an example: for each, some row of spec_examples.tsv is read otherwise when the rule is left out."""

import pytest
from text.test_golden import rows, split_mode
from text.test_spec_examples import TSV

from amharic_tts.text import classify
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

FRONT_ENDS = {clock: TextFrontEnd(FrontEndOptions(clock=clock)) for clock in ("literal", "to_ethiopian")}
GROUPS = {"web": classify.web.RULES, "NUMBERS": classify.NUMBERS, "WORDS": classify.WORDS}
TEXTS = [
    (text, options.get("clock", "literal"))
    for status in ("ok", "review")
    for text, options in (split_mode(row["input"]) for row in rows(TSV, status))
]


def said(text: str, clock: str) -> object:
    try:
        analysis = FRONT_ENDS[clock].analyse(text)
        return analysis.normal, [span.kind for span in analysis.spans]
    except TextError as error:
        return error.span


@pytest.fixture(scope="module")
def whole() -> dict[tuple[str, str], object]:
    return {text: said(*text) for text in TEXTS}


@pytest.mark.parametrize(
    ("group", "place"),
    [(group, place) for group, rules in GROUPS.items() for place in range(len(rules))],
    ids=lambda one: str(one),
)
def test_every_rule_has_a_row_that_needs_it(group: str, place: int, whole: dict, monkeypatch) -> None:
    rules = GROUPS[group]
    fewer = rules[:place] + rules[place + 1 :]
    monkeypatch.setattr(classify.web if group == "web" else classify, "RULES" if group == "web" else group, fewer)
    rule = rules[place]
    assert any(said(*text) != whole[text] for text in TEXTS), (
        f"no row of spec_examples.tsv needs the rule {rule.kind}/{rule.read.__name__}: {rule.pattern.pattern}"
    )
