"""Names of months in all the ways in which they are written; texts of regular expressions."""

# Month names as they are written, spellings of the same sounds included; the pattern is the text of a regular expression.
MONTHS_ETHIOPIAN = "መስከረም|ጥቅምት|[ህኅሕ]ዳር|[ታተ][ህኅሕ][ሳሣ][ስሥ]|ጥር|የካቲት|መጋቢት|ሚያዝያ|ሚያዚያ|ግንቦት|ሰኔ|ሠኔ|[ሀሐኀ]ምሌ|ነ[ሀሐኀሃ][ሴሤ]|ጳጉሜን?"
MONTHS_GREGORIAN = "ጃን(?:ዩ|ኑ)?(?:ወ|ዋ)ሪ|ጃኗሪ|ፌብሩ(?:ወ|ዋ)ሪ|ፌብሯሪ|ማርች|[ኤአ]ፕሪል|ሜይ|ጁን|ጁላይ|ኦገስት|[ሴሰ]ፕቴምበር|[ሴሰ]ፕተምበር|ኦክ[ቶት]?ተ?በር|ኖ[ቬቨ]ምበር|ዲ[ሴሰ]ምበር"
LATIN_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LATIN_MONTH = (
    r"(?<![a-z])(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)

# Before the name of a month: no letter but a prefix, for ቁጥር is no ጥር
BOUNDED = r"(?:(?<![ሀ-ፚ])|(?<=(?<![ሀ-ፚ])[በከለየ]))"
