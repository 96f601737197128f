"""docs/json.md as a checker: {what prints it: Shape}, and every way in which a value differs from its tables."""
import re
import typing

from harness import ROOT

ROW = re.compile(r"^\| `([^`]+)`(\?)? \| ([^|]+) \|", re.M)


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


TYPES = {
    "text": lambda v: isinstance(v, str),
    "hex": lambda v: isinstance(v, str) and re.fullmatch(r"([0-9a-f]{2})*", v) is not None,
    "number": is_number,
    "true or false": lambda v: isinstance(v, bool),
    "text or null": lambda v: v is None or isinstance(v, str),
    "number or null": lambda v: v is None or is_number(v),
    "hex or null": lambda v: v is None or TYPES["hex"](v),
    "list": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
    "any": lambda v: True,
}


class Field(typing.NamedTuple):
    path: tuple
    optional: bool
    type: str


def steps_of(path):
    return tuple(part for part in re.split(r"\.|(?=\[\])", path) if part)


class Shape:
    def __init__(self, text):
        self.fields = [Field(steps_of(path), mark == "?", kind.strip()) for path, mark, kind in ROW.findall(text)]
        assert self.fields and all(field.type in TYPES for field in self.fields), [f for f in self.fields if f.type not in TYPES]

    def named(self, path):
        """The field that describes this place; one that names it comes before one with stars."""
        fits = [f for f in self.fields if len(f.path) == len(path) and all(a in (b, "*") for a, b in zip(f.path, path))]
        return min(fits, key=lambda f: f.path.count("*"), default=None)

    def required_in(self, path):
        """Last parts of the paths of fields that an object there must have."""
        return {f.path[-1] for f in self.fields if not f.optional and f.path[-1] not in ("*", "[]") and len(f.path) == len(path) + 1
                and all(a in (b, "*") for a, b in zip(f.path, path)) and not (f.path[:1] == ("*",) and not self.is_open(path))}

    def is_open(self, path):
        field = self.named(path)
        return field is not None and field.type == "object"

    def faults(self, value, path=()):
        found = []
        field = self.named(path)
        if field or (path and path[-1] != "[]"):  # elements of a list need no row of their own
            if field is None:
                return [f"{'.'.join(path)} is not in docs/json.md"]
            if not TYPES[field.type](value):
                found.append(f"{'.'.join(path)} is {value!r}, not {field.type}")
        if isinstance(value, dict):
            found += [f"{'.'.join((*path, name))} is missing" for name in sorted(self.required_in(path) - value.keys())]
            for name, inner in value.items():
                found += self.faults(inner, (*path, name))
        elif isinstance(value, list):
            for inner in value:
                found += self.faults(inner, (*path, "[]"))
        return found


def shapes():
    """By every name of a heading: "cmaw run", "cmaw open"."""
    parts = re.split(r"^## (.*)$", (ROOT / "docs" / "json.md").read_text(), flags=re.M)[1:]
    return {name: Shape(text) for heading, text in zip(parts[::2], parts[1::2]) for name in heading.split(", ")}
