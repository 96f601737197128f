"""Counts the lines and words of a text. Standard input is the input, whole, then end of file; standard output is the output, and it counts
when this exits with 0. Input is whatever the step before wrote: check it before use."""
import json
import sys


class Refused(Exception):
    """Its text is a constant: no part of the input gets into an error."""


def count(data):
    if not data:
        raise Refused("the input is empty")
    lines = data.removesuffix(b"\n").split(b"\n")
    return {"lines": len(lines), "words": len(data.split()), "longest": max(map(len, lines))}


def main():
    try:
        result = count(sys.stdin.buffer.read())
    except Refused as refused:
        print(f"@NAME@: {refused}", file=sys.stderr)
        return 1
    except Exception as fault:  # a traceback could quote the input
        print(f"@NAME@: failed of a {type(fault).__name__}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
