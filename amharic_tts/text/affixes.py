"""What Amharic writes together with a word: prefixes and endings."""

import re

from amharic_tts.text.letters import CLASS

# Prefixes that are written together with what follows (በ2015, በTelegram, በት/ቤት), longest first.
PREFIXES = ("በእነ", "ለእነ", "ከእነ", "የእነ", "በየ", "ከየ", "ለየ", "እየ", "እነ", "የበ", "የከ", "የለ", "ያለ", "ስለ", "እንደ", "ወደ", "እስከ", "በ", "ለ", "ከ", "የ")  # fmt: skip
JOINED = frozenset(prefix for prefix in PREFIXES if prefix not in ("ያለ", "ስለ", "እንደ", "ወደ", "እስከ"))
# Endings of nouns: plural, definite or possessive, object, conjunction.
ENDING = re.compile("(?:ዎቹ|ዎች|ቹ|ች)?(?:ው|ዋ|ዪቱ|ይቱ|ዬ|ህ|ሽ|ችን|ችሁ|ቸው|ያችን|ያችሁ|ያቸው|ቻችን|ቻችሁ|ቻቸው|ዎ|ነት|ነቱ)?(?:ን)?(?:ም|ና|ስ|ማ)?")
WORD = re.compile(f"[{CLASS}]+")
