"""Addresses of the Internet: URLs, e-mail, handles and hashtags, read part by part."""

import re

from amharic_tts.text.classes.latin import LATIN, letters, lexicon, plain, spell
from amharic_tts.text.letters import CLASS
from amharic_tts.text.numbers import cardinal, digits
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.readings import Readings, distinct
from amharic_tts.text.rule import Context, Rule

SIGNS = {".": "ነጥብ", "@": "አት", "/": "ስላሽ", "-": "ሰረዝ", "_": "ስር ሰረዝ", ":": "ሁለት ነጥብ", "?": "ጥያቄ ምልክት", "=": "እኩል",
         "&": "እና", "#": "ሃሽታግ", "%": "ፐርሰንት", "+": "ፕላስ", "~": "ቲልዴ"}  # fmt: skip
TOP_LEVEL = "com|org|net|edu|gov|int|info|biz|io|tv|me|app|dev|et|uk|us|ke|so|er|dj|sd|de|fr|it|eu|za|ng|in|cn|ru|ae|sa|ca|au|co"
CARDINAL_DIGITS = 4  # longer figures of an address are read digit by digit


def address(match: re.Match[str], context: Context) -> Readings | None:
    """www.ebc.et -> ደብሊው ደብሊው ደብሊው ነጥብ ኢቢሲ ነጥብ ኢቲ. https:// is the machine's business and stays unsaid."""
    written = re.sub("^https?://", "", match.group(), flags=re.IGNORECASE)
    said = _parts(written, context.options)
    return said and distinct(said, said.removeprefix(_parts("www.", context.options)).strip())


def handle(match: re.Match[str], context: Context) -> Readings | None:
    """@abebe -> አት አበበ."""
    name = _parts(match.group(1), context.options)
    return name and (f"{SIGNS['@']} {name}", name)


def hashtag(match: re.Match[str], context: Context) -> Readings | None:
    """#ኢትዮጵያ -> ኢትዮጵያ; underlines part words."""
    name = _parts(match.group(1).replace("_", " "), context.options)
    return name and (name, f"{SIGNS['#']} {name}")


def _parts(written: str, options: FrontEndOptions) -> str | None:
    """The parts of an address one after the other; None where one has no reading."""
    runs = re.findall(rf"[{LATIN}]+|[0-9]+|[{CLASS}]+|[^\s]", written)
    said = [_part(run, options) for run in runs]
    return None if None in said else " ".join(said)


def _part(run: str, options: FrontEndOptions) -> str | None:
    if run in SIGNS:
        return SIGNS[run]
    if run.isascii() and run.isdigit():
        return cardinal(int(run)) if len(run) <= CARDINAL_DIGITS and run[0] != "0" else digits(run)
    if not re.match(f"[{LATIN}]", run):
        return run
    word = plain(run)
    if word is None or options.latin == "keep":
        return word
    # a short name of an address (ebc, et) is an acronym in lower case
    return letters(word.upper()) if len(word) <= 3 and word.lower() not in lexicon() else spell(word)


# Names of the Internet are at most 63 characters long; without bounds a long run would be tried from each of its places.
_LABEL = "[A-Za-z0-9-]{1,63}"
_PATH = "[A-Za-z0-9./?=&%#_~:+-]{0,200}"
RULES = (
    Rule(
        "email",
        re.compile(rf"(?<![A-Za-z0-9._+-])[A-Za-z0-9][A-Za-z0-9._+-]{{0,63}}@{_LABEL}(?:\.{_LABEL}){{1,8}}(?<![.-])"),
        address,
        needs="@",
    ),
    Rule("url", re.compile(rf"(?:https?://|www\.)[A-Za-z0-9](?:{_PATH}[A-Za-z0-9/])?", re.IGNORECASE), address),
    Rule(
        "url",
        re.compile(
            rf"(?<![A-Za-z0-9@.-])[A-Za-z][A-Za-z0-9-]{{0,62}}(?:\.{_LABEL}){{0,8}}\.(?:{TOP_LEVEL})(?![A-Za-z0-9])"
            rf"(?:/(?:{_PATH}[A-Za-z0-9/])?)?"
        ),
        address,
        needs=".",
    ),
    Rule(
        "handle",
        re.compile(rf"(?<![{LATIN}0-9])@([{LATIN}{CLASS}_][{LATIN}{CLASS}0-9_]*(?:\.[{LATIN}0-9_]+)*)"),
        handle,
        needs="@",
    ),
    Rule(
        "hashtag",
        re.compile(rf"(?<![{LATIN}0-9])#(?=[0-9_]*[{LATIN}{CLASS}])([{LATIN}{CLASS}0-9_]+)"),
        hashtag,
        needs="#",
    ),
)
