"""Ethiopic numerals: ፩…፺, ፻ (hundred) and ፼ (ten thousand)."""

ONES, TENS, HUNDRED, MYRIAD = "፩፪፫፬፭፮፯፰፱", "፲፳፴፵፶፷፸፹፺", "፻", "፼"


def value(written: str) -> int | None:
    """The whole number that an Ethiopic numeral stands for, or None for what is no numeral (፩፩, ፩፲).

    ፼ closes everything before it and multiplies it by 10 000; ፻ multiplies the ones and tens before it within its part
    by 100; either stands for itself where nothing is before it. So ፲፪፼፴፬፻፶፮ is 123 456, ፲፻ is 1000 and ፼፼ is 10⁸.
    """
    total = hundreds = pair = 0
    for sign in written:
        if sign == MYRIAD:
            total = (total + hundreds + pair or 1) * 10_000
            hundreds = pair = 0
        elif sign == HUNDRED:
            if hundreds:
                return None
            hundreds, pair = (pair or 1) * 100, 0
        elif sign in TENS:
            if pair:
                return None
            pair = (TENS.index(sign) + 1) * 10
        elif sign in ONES:
            if pair % 10:
                return None
            pair += ONES.index(sign) + 1
        else:
            return None
    return total + hundreds + pair if written else None
