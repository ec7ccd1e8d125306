"""Which dates exist in the two calendars. Nothing is converted: what is written is read (FRONT_END §6.1)."""

import calendar

ETHIOPIAN_MONTHS = (
    "መስከረም", "ጥቅምት", "ኅዳር", "ታኅሣሥ", "ጥር", "የካቲት", "መጋቢት", "ሚያዝያ", "ግንቦት", "ሰኔ", "ሐምሌ", "ነሐሴ", "ጳጉሜን",
)  # fmt: skip
GREGORIAN_MONTHS = (
    "ጃንዩወሪ", "ፌብሩወሪ", "ማርች", "ኤፕሪል", "ሜይ", "ጁን", "ጁላይ", "ኦገስት", "ሴፕቴምበር", "ኦክቶበር", "ኖቬምበር", "ዲሴምበር",
)  # fmt: skip


def days_in_ethiopian_month(year: int, month: int) -> int:
    """Days of month 1…13: thirty, and in Pagume five, or six in the year before a leap day (year mod 4 = 3)."""
    if month < 13:
        return 30
    return 6 if year % 4 == 3 else 5


def exists(year: int, month: int, day: int, ethiopian: bool) -> bool:
    """Whether the date is one of its calendar; years 1…9999."""
    if not 1 <= year <= 9999 or not 1 <= month <= (13 if ethiopian else 12) or day < 1:
        return False
    days = days_in_ethiopian_month(year, month) if ethiopian else calendar.monthrange(year, month)[1]
    return day <= days
