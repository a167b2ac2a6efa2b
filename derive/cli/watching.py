"""Ctrl-C ends a command within a second, whatever it is in.

Python hears a signal when the library that computes comes back, which may take minutes (2026-11-30: 35 s in ITK's
windowed sinc). So a thread listens too: it gives the command some time to clean up as it does after every error, and
ends the process where that time was not enough. What is left then, a folder named after the process, the next run
into that place removes.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType

from derive.writing.interruptions import ENDINGS

#: Seconds in which a command may end by itself after Ctrl-C.
PATIENCE_S = 0.6
#: Seconds in which temporary folders may go after that.
TIDYING_S = 0.2


#: What is said at such an end: by a command that writes as it goes, what became of that.
_said = ["interrupted; nothing was written\n"]


@contextmanager
def ending_with(text: str) -> Iterator[None]:
    """Have another text said where the block is ended by a signal."""
    _said.append(text)
    try:
        yield
    finally:
        _said.remove(text)


def said() -> str:
    """Return what is said where a signal ends the process."""
    return _said[-1]


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end: it cleans up as it does after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn the signals that end a process into exceptions, unless they are ignored, as those of ``nohup`` are."""
    numbers = [number for number in ENDINGS if number != signal.SIGINT]
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


@contextmanager
def watched() -> Iterator[None]:
    """End the process soon after a signal that came in the block, even if it was left meanwhile.

    So only the program itself does this, not who calls its commands from Python: at its end a process waits for its
    threads, and those may compute on. Nothing is watched in a thread that signals do not reach.
    """
    if threading.current_thread() is not threading.main_thread() or os.name != "posix":
        yield
        return
    try:
        hears, told = os.pipe()
    except OSError:  # no file may be opened any more: what is told of that follows
        yield
        return
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(hears,), name="derive-watch", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(told)


@contextmanager
def unhurried() -> Iterator[None]:
    """Let what runs in the block take its time after a signal, of which it hears as an exception: it ends by itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


def _watch(hears: int) -> None:
    """Wait for a signal that ends; none comes any more when the block is left."""
    number = 0
    while number not in ENDINGS:
        heard = os.read(hears, 1)
        if not heard:
            os.close(hears)
            return
        number = heard[0]
    time.sleep(PATIENCE_S)
    _end(number)


def _end(number: int) -> None:
    """End here and now: temporary folders of the standard library go, and who looks at the terminal is told."""
    tidying = threading.Thread(target=_tidied, daemon=True)
    tidying.start()
    tidying.join(TIDYING_S)
    sys.stderr.write(said())
    with suppress(Exception):
        sys.stderr.flush()
    os._exit(128 + number)


def _tidied() -> None:
    """Remove what is half done; where nothing was written yet there is nothing to import for it."""
    with suppress(Exception):
        if "derive.writing.unfinished" in sys.modules:
            import_module("derive.writing.unfinished").abandon()
        atexit._run_exitfuncs()  # folders of the standard library's tempfile
