"""The reader and writer of images against the published vector."""
import json

import pytest

import eif
from test_vectors import VECTORS


def test_the_published_image():
    expected = json.loads((VECTORS / "eif/expected.json").read_text())["one-ramdisk"]
    sections = eif.read((VECTORS / "eif/one-ramdisk.eif").read_bytes())
    assert {f"PCR{i}": value.hex() for i, value in eif.measure(sections).items()} == {k: expected[k] for k in ("PCR0", "PCR1", "PCR2")}


def test_written_images_read_back():
    sections = [(eif.CMDLINE, b"x"), (eif.METADATA, b"{}"), (eif.RAMDISK, b"abc"), (eif.RAMDISK, b"d")]
    data = eif.write(sections)
    assert eif.read(data) == sections
    for at in range(len(data)):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        with pytest.raises(AssertionError):
            eif.read(flipped)


def test_archives_read_back():
    files = {"a/b": (0o755, b"12345"), "c": (0o444, b"")}
    assert {p: c for p, (m, c) in eif.uncpio(eif.cpio(eif.tree(files))).items() if m & 0o100000} == {"a/b": b"12345", "c": b""}
