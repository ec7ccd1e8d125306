"""Which dates exist, against the package `abyssinica` (its calendar equals ICU's for 1900–2099, FRONT_END §6.4).

Nothing is converted from one calendar to the other: what is written is read.
"""

import datetime

import pytest
from abyssinica.calendar.date import Date

from amharic_tts.text.calendars import ETHIOPIAN_MONTHS, GREGORIAN_MONTHS, days_in_ethiopian_month, exists
from amharic_tts.text.error import TextError
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions

DAYS = [datetime.date(1900, 1, 1) + datetime.timedelta(days) for days in range(73_049)]  # to the end of 2099
FRONT_END = TextFrontEnd(FrontEndOptions(False, False, punctuation="ethiopic"))


def test_the_days_of_both_calendars_are_those_that_exist() -> None:
    assert DAYS[-1] == datetime.date(2099, 12, 31)
    ethiopian = {(one.year, one.month, one.day) for one in map(Date.from_gregorian, DAYS)}
    years = range(1893, 2092)  # those that lie wholly between the first and the last day
    found = {(y, m, d) for y in years for m in range(15) for d in range(33) if exists(y, m, d, ethiopian=True)}
    assert found == {one for one in ethiopian if one[0] in years}
    assert all(days_in_ethiopian_month(y, 13) == (6 if (y, 13, 6) in ethiopian else 5) for y in years)
    gregorian = {(day.year, day.month, day.day) for day in DAYS}
    years = range(1900, 2100)
    assert gregorian == {
        (y, m, d) for y in years for m in range(15) for d in range(33) if exists(y, m, d, ethiopian=False)
    }


def test_every_month_in_figures_is_named() -> None:
    for number, name in enumerate(ETHIOPIAN_MONTHS, 1):
        assert FRONT_END.normalise(f"2/{number}/2016 ዓ.ም.") == f"{name} ሁለት ቀን ሁለት ሺህ አስራ ስድስት ዓመተ ምህረት"
    for number, name in enumerate(GREGORIAN_MONTHS, 1):
        assert FRONT_END.normalise(f"2024-{number:02}-02") == f"{name} ሁለት ቀን ሁለት ሺህ ሃያ አራት"


@pytest.mark.parametrize("written", ["6/13/2016 ዓ.ም.", "31/1/2016 ዓ.ም.", "1/14/2016 ዓ.ም.", "2023-02-29", "31/04/2024"])
def test_dates_that_do_not_exist_are_refused(written: str) -> None:
    with pytest.raises(TextError):
        FRONT_END.normalise(written)


def test_a_date_that_exists_in_one_calendar_only_is_of_that_one() -> None:
    assert FRONT_END.normalise("30/2/2016") == "ጥቅምት ሰላሳ ቀን ሁለት ሺህ አስራ ስድስት"
    assert FRONT_END.normalise("28/2/2016") == "ፌብሩወሪ ሃያ ስምንት ቀን ሁለት ሺህ አስራ ስድስት"
    with pytest.raises(TextError):
        FRONT_END.normalise("እ.ኤ.አ. 30/2/2016")


def test_pagume_has_a_sixth_day_in_leap_years() -> None:
    assert FRONT_END.normalise("6/13/2015 ዓ.ም.").startswith("ጳጉሜን ስድስት ቀን")
