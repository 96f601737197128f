"""Days and months with a year, or a day with a month, in English and German, and ages over 89. A year alone stays: it names nobody."""
import datetime
import re
import warnings

from dateutil import parser

from text import Cover, Span

ENGLISH = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
GERMAN = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember")
SHORT = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mär", "Okt", "Dez", "Sept")
MONTH = "(?:" + "|".join(sorted({written for name in (*ENGLISH, *GERMAN) for written in (name, name.upper())}, key=len, reverse=True)) + "|(?:" + "|".join(
    (*SHORT, *map(str.upper, SHORT))) + r")\b\.?)"
YEAR = r"(?:19|20)\d\d"
WEEKDAY = r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? )?"

FORMS = [re.compile(form) for form in (
    rf"\b{YEAR}(?P<sep>[./-])(?:0[1-9]|1[0-2])(?P=sep)(?:0[1-9]|[12]\d|3[01])(?![\w/])",
    rf"\b(?:0?[1-9]|[12]\d|3[01])(?P<sep>[./-])\s?(?:0?[1-9]|1[0-2])(?P=sep)\s?(?:{YEAR}|\d\d)(?![\d/]|[.,]\d)",
    rf"\b{WEEKDAY}(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th|\.)?(?: of)? {MONTH},? (?:{YEAR})\b",
    rf"\b(?:[12]\d|3[01]|0?[1-9])(?P<sep>[ /-]){MONTH}(?P=sep)(?:{YEAR}|\d\d)(?![\w/]|[.,]\d)",
    rf"\b{WEEKDAY}{MONTH} (?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?,? {YEAR}\b",
    rf"\b{MONTH},? {YEAR}\b",
    rf"\b{WEEKDAY}(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th|\.)?(?: of)? {MONTH}(?![\w])",
    rf"\b{MONTH} (?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?\b(?! ?(?:mg|ml|g|mmol|%))",
    r"\b(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?=[\s,;)]|$)",
)]
AGE = re.compile(r"\b(?:aged |age |Alter:? ?)?(9\d|1[01]\d)(?:-| )(?:year|yr|jähr|Jahre)|\baged? (9\d|1[01]\d)\b", re.I)


class Info(parser.parserinfo):
    MONTHS = [tuple({a, b, a[:3], b[:3], *(("Sept",) if a == "September" else ())}) for a, b in zip(ENGLISH, GERMAN)]
    JUMP = [*parser.parserinfo.JUMP, "of"]


INFO = Info(dayfirst=True)
BLANK = datetime.datetime(4, 1, 1)  # a leap year that no letter names


def read(text):
    """(year or None, month, day or None) of a date as written; None if it is none, such as 31.02.2026."""
    bare = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b|(?<=[^\W\d])\.", "", text)
    bare = re.sub(r"(?<=\d)\.(?=\s[^\W\d])", "", bare)
    iso = re.fullmatch(rf"({YEAR})[./-](\d\d)[./-](\d\d)", text)
    try:
        if iso:
            return datetime.date(*map(int, iso.groups())).timetuple()[:3]
        if re.fullmatch(r"\d+\.\d+\.", bare):
            bare = bare + "0004"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = [parser.parse(bare, INFO, default=default) for default in (BLANK, BLANK.replace(day=2))]
    except (ValueError, OverflowError):
        return None
    return found[0].year if found[0].year != 4 else None, found[0].month, found[0].day if found[0].day == found[1].day else None


def key_of(date, known):
    """A day without a year is the one day of the text that fits, if there is one."""
    year, month, day = date
    if year is None:
        same = {other for other in known if other[0] is not None and other[1:] == (month, day)}
        year = same.pop()[0] if len(same) == 1 else None
    return f"{year or 0:04}-{month:02}-{day or 0:02}"


def find(text):
    """Spans of kind date, and of kind age."""
    found, cover = [], Cover(len(text))
    for form in FORMS:
        for match in form.finditer(text):
            date = read(match[0])
            if date is not None and cover.take(*match.span()):
                found.append((match.span(), date))
    known = {date for _, date in found}
    spans = [Span(*span, "date", key_of(date, known)) for span, date in found]
    for match in AGE.finditer(text):
        number = 1 if match[1] else 2
        spans.append(Span(*match.span(number), "age", match[number]))
    return spans


def day_of(key):
    """The day of a key; None without year or day."""
    try:
        return datetime.date.fromisoformat(key)
    except ValueError:
        return None
