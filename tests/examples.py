"""The example agents in Python, Go and shell, with what goes in and what must come out."""
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKFLOWS = {"deidentify": "medical", "sanctions": "payment", "totals": "payroll"}


def missing(name):
    """Why an example is not there, if it is not."""
    return "go is not in PATH: the agent sanctions is not built" if name == "sanctions" and shutil.which("go") is None else None


def image_of(name):
    return ROOT / "agents" / name / "image.yaml"


def cases(name):
    """{case: (input, the output that it must give, or None where the agent must refuse)}"""
    folder = ROOT / "agents" / name / "tests"
    outputs = {path.stem: path.with_suffix(".out") for path in sorted(folder.glob("*.in"))}
    return {case: ((folder / f"{case}.in").read_bytes(), out.read_bytes() if out.exists() else None) for case, out in outputs.items()}
