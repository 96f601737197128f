"""What the rules give: pieces of a text that name somebody, and words as the rules see them."""
import pathlib
import re
import typing

HERE = pathlib.Path(__file__).parent
UPPER = "".join(filter(str.isupper, map(chr, range(0x530))))  # Latin with its marks, Greek, Cyrillic
WORD = rf"[{UPPER}][^\W\d_]+(?:[-'’][{UPPER}][^\W\d_]+){{0,4}}"  # a capitalised word: Vogel, Lee-Smith, O'Brien is matched from O'


class Span(typing.NamedTuple):
    start: int
    end: int
    kind: str
    key: str  # the same for what is the same person, day, number; never leaves the agent


def words_of(name):
    """The words of a list beside this file, without its comments."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def folded(text):
    """For keys: case, spaces and punctuation do not matter."""
    return re.sub(r"[\W_]+", "", text).casefold()


class Cover:
    """Which letters of a text are taken."""

    def __init__(self, size):
        self.taken = bytearray(size)

    def take(self, start, end):
        """Takes a piece, if all of it is free."""
        if any(self.taken[start:end]):
            return False
        self.taken[start:end] = b"\1" * (end - start)
        return True


def without_overlaps(spans):
    """The spans in the order of the text; where two overlap, the one that came first in the list is kept."""
    cover = Cover(max((span.end for span in spans), default=0))
    return sorted(span for span in spans if cover.take(span.start, span.end))
