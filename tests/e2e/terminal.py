"""A program at a real pseudo-terminal of a given size, and what a person would see on its screen."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

import pyte

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][0-9A-Za-z]?")


def set_size(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    def __init__(self, command, env, columns=80, lines=24, cwd=None):
        self.raw, self.columns = b"", columns
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.child, self.fd = pty.fork()
        if self.child == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in the background has it ignored, and that is inherited
            set_size(0, columns, lines)
            if cwd:
                os.chdir(cwd)
            os.execvpe(str(command[0]), [str(word) for word in command], env)

    def _read(self, timeout):
        """False at the end."""
        readable, _, _ = select.select([self.fd], [], [], timeout)
        try:
            piece = os.read(self.fd, 65536) if readable else None
        except OSError:  # the other side is closed
            return False
        if piece:
            self.raw += piece
            self.stream.feed(piece)
        return piece != b""

    def wait_for(self, seen, timeout=180):
        """Reads on until seen(self), a text on the screen or a function of it."""
        fits = seen if callable(seen) else lambda terminal: seen in "\n".join(terminal.shown())
        end = time.monotonic() + timeout
        while not fits(self):
            assert time.monotonic() < end and self._read(max(0, end - time.monotonic())), f"not seen: {seen}\n" + "\n".join(self.shown())
        return self

    def type(self, text):
        os.write(self.fd, text.encode())

    def resize(self, columns, lines=24):
        """As terminals do that break old lines anew at the new width: they take more rows, and the cursor is below them."""
        old = self.shown()[:self.screen.cursor.y]
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.stream.feed("".join(f"{line}\r\n" for line in old).encode())
        set_size(self.fd, columns, lines)
        self.columns = columns

    def shown(self):
        """Lines of the screen, without what is blank on the right."""
        return [line.rstrip() for line in self.screen.display]

    def text(self, since=0):
        """Everything written since that byte, without escape sequences, in lines."""
        return ESCAPE.sub("", self.raw[since:].decode()).replace("\r\n", "\n").split("\n")

    def end(self, timeout=600):
        """Reads to the end; the exit code."""
        end = time.monotonic() + timeout
        while self._read(max(0, end - time.monotonic())):
            assert time.monotonic() < end, "\n".join(self.shown())
        status = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
        self.child = 0
        return status

    def close(self):
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
        os.close(self.fd)


@contextlib.contextmanager
def terminal(command, env, **more):
    opened = Terminal(command, env, **more)
    try:
        yield opened
    finally:
        opened.close()


def assert_fits(lines, columns):
    wide = [line for line in lines if len(line.replace("\r", "")) > columns]
    assert not wide, f"wider than {columns}: {wide}"
