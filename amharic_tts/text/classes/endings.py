"""Endings that are written right after figures or a percent sign."""

from amharic_tts.text.affixes import ENDING
from amharic_tts.text.letters import LABIALISED, SIXTH, U, in_order, order, same_series

DEFINITE = "ቱ"  # ለ3ቱ; after other consonants it stands for their own definite form: 10ቱ is አስሩ


def attach(words: str, ending: str) -> str:
    """Words with an ending: a final consonant takes the vowel of an ending of its own series (አስር + ሩ -> አስሩ)."""
    last, first = words[-1], ending[0]
    bare = order(last) == SIXTH
    if bare and same_series(last, first) and order(first) in (U, LABIALISED):
        return words[:-1] + ending
    if first == DEFINITE and ENDING.fullmatch(ending[1:]):
        return words[:-1] + in_order(last, U) + ending[1:] if bare else f"{words}ው{ending[1:]}"
    return words + ending if ENDING.fullmatch(ending) else f"{words} {ending}"
