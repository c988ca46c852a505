"""The zone that a date was written with -> its distance from UTC."""

import re
from datetime import timedelta, timezone

# Minutes east of UTC. Those of RFC 822 mean what it says.
NAMED = {
    "Z": 0,
    "UT": 0,
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 60,
    "CET": 60,
    "MEZ": 60,
    "CEST": 120,
    "MESZ": 120,
    "EET": 120,
    "EEST": 180,
    "MSK": 180,
    "МСК": 180,
    "MSD": 240,
    "TRT": 180,
    "SAMT": 240,
    "YEKT": 300,
    "OMST": 360,
    "KRAT": 420,
    "VLAT": 600,
    "WIB": 420,
    "WITA": 480,
    "WIT": 540,
    "MYT": 480,
    "SGT": 480,
    "PHT": 480,
    "ICT": 420,
    "HKT": 480,
    "JST": 540,
    "KST": 540,
    "PKT": 300,
    "NPT": 345,
    "IRST": 210,
    "IDT": 180,
    "SAST": 120,
    "EAT": 180,
    "CAT": 120,
    "EST": -300,
    "EDT": -240,
    "CDT": -300,
    "MST": -420,
    "MDT": -360,
    "PST": -480,
    "PDT": -420,
    "ADT": -180,
    "AKST": -540,
    "AKDT": -480,
    "HST": -600,
    "BRT": -180,
    "ART": -180,
    "CLT": -240,
    "PET": -300,
    "COT": -300,
    "AEST": 600,
    "AEDT": 660,
    "ACST": 570,
    "AWST": 480,
    "NZST": 720,
    "NZDT": 780,
}
# Abbreviations with several meanings: the one taken, and the one that a language of the feed speaks for.
AMBIGUOUS = {
    "IST": 330,
    "BST": 60,
    "AST": -240,
    "CST": -360,
    "GST": 240,
    "WAT": 60,
    "SST": -660,
    "ET": -300,  # as American pages write it, winter or summer
    "CT": -360,
    "MT": -420,
    "PT": -480,
}
BY_LANGUAGE = {("IST", "he"): 120, ("IST", "ga"): 60, ("CST", "zh"): 480, ("AST", "ar"): 180, ("BST", "bn"): 360}
MOST_MINUTES = 14 * 60
SMALL = frozenset({"Z", "UT", "UTC", "GMT", "CET", "CEST", "EET", "EEST", "MSK", "МСК", "WIB", "WITA"})

_NUMERIC = re.compile(r"(?:GMT|UTC?)?\s*([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)


def distance(written: str, language: str = "") -> tuple[timezone, bool] | None:
    """The zone of `written` ("+0300", "GMT+3", "MSK"), and whether it had to be guessed.

    None where it is no zone that we know. `language` is of the text around it, and decides some guesses.

    >>> distance("IST")
    (datetime.timezone(datetime.timedelta(seconds=19800)), True)
    """
    name = written.strip().upper()
    numeric = _NUMERIC.fullmatch(name)
    if numeric:
        sign, hours, minutes = numeric.groups()
        total = int(hours) * 60 + int(minutes or 0)
        return (
            (_zone(-total if sign == "-" else total), False)
            if total <= MOST_MINUTES and int(minutes or 0) < 60
            else None
        )
    if name in AMBIGUOUS:
        spoken = BY_LANGUAGE.get((name, language.partition("-")[0].lower()))
        return _zone(AMBIGUOUS[name] if spoken is None else spoken), True
    return (_zone(NAMED[name]), False) if name in NAMED else None


def is_zone(written: str) -> bool:
    """Whether a word behind a clock time is meant as a zone that we know.

    Most are told from words ("pet", "est", "art") by their capitals.
    """
    name = written.strip().upper()
    return distance(name) is not None and (written.isupper() or name in SMALL)


def _zone(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))
