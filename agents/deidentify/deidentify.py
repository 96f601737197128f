"""A medical letter without what says whose it is. Reads the letter (English or German, UTF-8) from standard input, writes JSON:
the text with placeholders, what was replaced by kind, and the days between its dates, so that the course of an illness can still be read."""
import json
import sys
import unicodedata

import dates
import names
import identifiers
import places
from text import without_overlaps

INPUT_MAX = 64 * 1024  # bytes: a letter, not a library


class Refused(Exception):
    """Its text is a constant: no part of a letter gets into an error."""


def find(text):
    """Everything in a text that names somebody, in its order."""
    return without_overlaps([*identifiers.find(text), *dates.find(text), *places.find(text), *names.find(text)])


class Placeholders:
    """The same person, day or number is the same placeholder all through the letter."""

    def __init__(self):
        self.by_key, self.counts, self.kinds = {}, {}, {}

    def of(self, span):
        place = (span.kind, span.key)
        if place not in self.by_key:
            self.kinds[span.kind] = self.kinds.get(span.kind, 0) + 1
            self.by_key[place] = f"[{span.kind.upper()}-{self.kinds[span.kind]}]"
        self.counts[span.kind] = self.counts.get(span.kind, 0) + 1
        return self.by_key[place]

    def replaced(self):
        return [{"kind": kind, "distinct": self.kinds[kind], "places": self.counts[kind]} for kind in sorted(self.kinds)]

    def days(self):
        """Days from the earliest date of the letter: intervals, which name nobody. A day of birth has none: an age is in the text, if it matters."""
        known = {place: dates.day_of(key) for (kind, key), place in self.by_key.items() if kind == "date"}
        first = max(known.values(), default=None, key=lambda day: day.toordinal() if day else 0)
        near = {place: day for place, day in known.items() if day and first and (first - day).days <= 3 * 366}
        start = min(near.values(), default=None)
        return {place: (day - start).days for place, day in near.items()}


SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " ")
UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


def plain(text):
    """One kind of line end and of space, and letters with their marks in one piece: the rules see words as people do."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).translate(SPACES | UNSEEN)


def deidentify(text):
    text = plain(text)
    placeholders, out, at = Placeholders(), [], 0
    for span in find(text):
        out += [text[at:span.start], placeholders.of(span)]
        at = span.end
    out.append(text[at:])
    return {"text": "".join(out), "replaced": placeholders.replaced(), "days": placeholders.days()}


def read():
    data = sys.stdin.buffer.read(INPUT_MAX + 1)
    if len(data) > INPUT_MAX:
        raise Refused("the letter is too long")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("the letter is not text in UTF-8") from None
    if "\0" in text:
        raise Refused("the letter is not text in UTF-8")
    return text


def main():
    try:
        result = deidentify(read())
    except Refused as refused:
        print(f"deidentify: {refused}", file=sys.stderr)
        return 1
    except Exception as fault:  # its text and traceback could quote the letter
        print(f"deidentify: failed of a {type(fault).__name__}", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(json.dumps(result, ensure_ascii=False, indent=1).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
