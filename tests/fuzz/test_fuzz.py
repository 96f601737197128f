"""Runs every fuzz target over its seeds and then over new inputs for CMAW_FUZZ_SECONDS (5): this finds what a change
broke at once; finding more is a matter of hours, by running a target by hand."""
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build-fuzz" / "tests" / "fuzz"
SECONDS = os.environ.get("CMAW_FUZZ_SECONDS", "5")


@pytest.mark.parametrize("source", sorted(HERE.glob("*_fuzz.c")), ids=lambda path: path.stem)
def test_fuzz(source, tmp_path):
    program = BUILD / source.stem
    assert program.exists(), f"{source.name} is not in tests/fuzz/meson.build"
    seeds = HERE / "corpus" / source.stem.removesuffix("_fuzz")
    folders = [str(tmp_path)] + ([str(seeds)] if seeds.is_dir() else [])
    result = subprocess.run([program, f"-max_total_time={SECONDS}", "-rss_limit_mb=1024", "-timeout=10",
                             f"-artifact_prefix={tmp_path}/", *folders], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
