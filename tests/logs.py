"""What programs have logged while a test failed is part of what pytest shows of it."""
import contextlib

import pytest

FILES = 5
LINES = 6
CLOCKS_S = 1  # a file's time is that of a coarser clock


def written_since(folder, start):
    """(time, path) of each log in a folder that was written since then."""
    for path in folder.rglob("*.log"):
        with contextlib.suppress(OSError):  # it may go meanwhile
            if (written := path.stat().st_mtime) >= start - CLOCKS_S:
                yield written, path


def ends(folder, start):
    """Ends of the logs that were written last, the newest one at the end."""
    for _, path in sorted(written_since(folder, start))[-FILES:]:
        with contextlib.suppress(OSError):
            lines = path.read_text(errors="replace").splitlines()[1 - LINES:]
            yield "".join(f"{line}\n" for line in [f"{path.relative_to(folder)}:", *lines])


def failed(call):
    return call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    if failed(call):
        item.add_report_section(call.when, "logs", "".join(ends(item.config._tmp_path_factory.getbasetemp(), call.start)))
    return (yield)
