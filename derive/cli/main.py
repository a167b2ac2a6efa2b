"""Parse, run, and turn errors into exit codes.

0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, 8 partly stored,
130 interrupted, 143 terminated.
"""

from __future__ import annotations

import errno
import json
import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from derive.cli.commands import parser_of_all
from derive.errors import DeriveError
from derive.limits import set_unpack_gib
from derive.wording import Language, speaking

INTERRUPTED, NO_FILES = 130, 6
#: What others log and we say ourselves, or quote values in.
QUIETER = {"pydicom": logging.ERROR, "pynetdicom": logging.CRITICAL, "urllib3": logging.ERROR}


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end: it cleans up as it does after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    try:
        with _ended_by_signals(), speaking(Language.COMMAND_LINE):
            return _run(arguments)
    except KeyboardInterrupt as ended:
        sys.stderr.write("interrupted; nothing was written\n")
        return ended.exit_code if isinstance(ended, Terminated) else INTERRUPTED
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        sys.stderr.write("derive: SYS-FILES: this process may not open another file; raise the limit (ulimit -n)\n")
        return NO_FILES


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn the signals that end a process into exceptions, unless they are ignored, as those of ``nohup`` are."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # of a program that runs commands in threads it is the program's matter

    def end(number: int, _: FrameType | None) -> None:
        raise Terminated(number)

    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler == signal.SIG_DFL}
    try:
        for number in before:
            signal.signal(number, end)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(arguments: Sequence[str] | None) -> int:
    parser, _ = parser_of_all()
    parsed = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING if not parsed.verbose else logging.DEBUG,
        format="%(levelname)s %(name)s: %(message)s",
    )
    logging.captureWarnings(True)
    for name, level in QUIETER.items():
        logging.getLogger(name).setLevel(level)
    try:
        set_unpack_gib(getattr(parsed, "unpack_gib", None))
        return int(parsed.run(parsed))
    except DeriveError as error:
        _say(error, parsed.json)
        return error.exit_code


def _say(error: DeriveError, as_json: bool) -> None:
    if as_json:
        about = {
            "code": error.code,
            "message": error.message,
            "exit_code": error.exit_code,
            "facts": error.facts,
        }
        sys.stdout.write(json.dumps({"schema": "derive-error/1", "error": about}, default=str) + "\n")
    sys.stderr.write(f"derive: {error}\n")
