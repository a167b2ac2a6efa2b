"""How far it is: one line on a terminal, with rate and time left, for whatever takes longer than a second."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

#: Seconds before anything is shown, and between two drawings.
PATIENCE_S, BETWEEN_S = 1.0, 0.1
#: Cells of the bar at most; without room for so many there is none.
WIDEST_BAR, NARROWEST_BAR = 30, 8
NO_WIDTH = 80


class Progress:
    """A callable (done, all) that draws a bar on standard error.

    Nothing is shown where standard error is no terminal, nor in the first second. The line is cleared when all
    is done and on leaving the ``with`` block, so that what is printed next begins on a line of its own.

    Parameters
    ----------
    label : str
        What is being done, in a word or two; no patient data.
    unit : str
        What is counted.
    stream : text file, optional
        Standard error if nothing is said.
    clock : callable () -> float
        Seconds that only grow.

    Examples
    --------
    >>> with Progress("reading", "files") as progress:
    ...     for done in range(1, 4):
    ...         progress(done, 3)
    """

    def __init__(
        self,
        label: str,
        unit: str = "images",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._unit, self._clock = label, unit, clock
        self._stream = sys.stderr if stream is None else stream
        self._on = _is_terminal(self._stream)
        self._begun = clock()
        self._last = self._begun + PATIENCE_S - BETWEEN_S
        self._drawn = 0

    def __call__(self, done: int, count: int) -> None:
        """Tell how many of how many are done; a count of 0 is one that is not known."""
        if not self._on:
            return
        if 0 < count <= done:
            self.close()
            self._begun = self._clock()  # the next stage, if there is one, has its own rate
            return
        now = self._clock()
        if now - self._last >= BETWEEN_S:
            self._last = now
            self._draw(_line(self._words(done, count, now - self._begun), done, count, self._columns()))

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, whatever happened."""
        self.close()

    def close(self) -> None:
        """Clear the line, if there is one."""
        if self._drawn:
            self._put("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def _words(self, done: int, count: int, seconds: float) -> str:
        counted = f"{done}/{count} {self._unit}" if count > 0 else f"{done} {self._unit}"
        if done <= 0 or seconds <= 0:
            return f"{self._label} {counted}"
        rate = done / seconds
        left = f", {duration((count - done) / rate)} left" if count > 0 else ""
        return f"{self._label} {counted}, {rate:.3g}/s{left}"

    def _columns(self) -> int:
        """Columns of the terminal that standard error is, which need not be that of standard output."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or NO_WIDTH
        except (OSError, ValueError, AttributeError):
            return shutil.get_terminal_size((NO_WIDTH, 24)).columns

    def _draw(self, line: str) -> None:
        self._put("\r" + line + " " * max(0, self._drawn - len(line)))
        self._drawn = len(line)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the terminal is gone; the work is not
            self._on = False


def duration(seconds: float) -> str:
    """Return a time as 0:07 or 1:02:03."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _line(words: str, done: int, count: int, columns: int) -> str:
    """Words with a bar before them, within the columns; the last one stays free, so that no terminal breaks it."""
    room = columns - 1
    cells = min(WIDEST_BAR, room - len(words) - 3)
    if count > 0 and cells >= NARROWEST_BAR:
        full = round(cells * min(1.0, max(0.0, done / count)))
        words = f"[{'#' * full}{'.' * (cells - full)}] {words}"
    return words[: max(0, room)]


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False
