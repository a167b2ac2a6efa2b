"""How far it is: a bar on a terminal, for whatever takes longer than a second."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from derive.cli.output import cleared_by
from derive.told.progress import listening

#: Seconds before anything is shown, and between two looks of the clock.
PATIENCE_S, BEAT_S = 1.0, 0.5
#: Columns of a terminal that does not say how many it has.
NARROW = 79
#: What a stage counts, where it is not images.
UNITS = {"reading": "files", "checking": "files", "inspecting": "files", "drawing": "slices", "measuring": "slices"}
UNITS |= {"de-identifying": "objects"}


def _columns(stream: TextIO) -> int | None:
    """Width of a terminal; 0 of one that does not say it, None of what is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None


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

    Examples
    --------
    >>> with Progress("reading", "files") as progress:
    ...     for done in range(1, 4):
    ...         progress(done, 3)
    """

    def __init__(
        self, label: str, unit: str = "images", stream: TextIO | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        from tqdm import tqdm

        shown = stream or getattr(sys.stderr, "stream", None) or sys.stderr  # a bar moves back, which no text may
        width = {"ncols": NARROW} if _columns(shown) == 0 else {"dynamic_ncols": True}
        self._bar = tqdm(desc=label, unit=f" {unit}", file=shown, delay=patience_s, disable=None, leave=False, **width)

    def __call__(self, done: int, count: int) -> None:
        """Tell how many of how many are done; a count of 0 is one that is not known."""
        bar = self._bar
        if done < bar.n:
            bar.reset()  # the next stage has its own rate
        bar.total = count or None
        bar.update(done - bar.n)
        if 0 < count <= done:
            bar.clear()

    def refresh(self) -> None:
        """Show the time that passes while nothing is told."""
        self._bar.refresh()

    def clear(self) -> None:
        """Make room for what is printed."""
        self._bar.clear()

    def close(self) -> None:
        """End."""
        self._bar.close()

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, whatever happened."""
        self._bar.close()


class Stages:
    """The bar of a command: one stage after another, and a clock where a stage says nothing for long."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream, self._begun, self._stage = stream, time.monotonic(), "working"
        self._lock, self._ends = threading.RLock(), threading.Event()
        self._bar: Progress | None = None
        self._beat = threading.Thread(target=self._watch, name="derive-progress", daemon=True)

    def __call__(self, stage: str, done: int, count: int) -> None:
        """Tell how far a stage is."""
        with self._lock:
            if stage != self._stage or self._bar is None:
                self.close()
                self._stage, self._bar = stage, self._new(stage)
            self._bar(done, count)

    def clear(self) -> None:
        """Make room for what is printed."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()

    def close(self) -> None:
        """End the stage."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()
            self._bar = None

    def start(self) -> None:
        """Look at the clock from now on."""
        self._beat.start()

    def end(self) -> None:
        """Show nothing any more."""
        self._ends.set()
        self.close()

    def _new(self, stage: str) -> Progress:
        patience = max(0.0, PATIENCE_S - (time.monotonic() - self._begun))
        return Progress(stage, UNITS.get(stage, "images"), self._stream, patience)

    def _watch(self) -> None:
        while not self._ends.wait(BEAT_S):
            if time.monotonic() - self._begun < PATIENCE_S:
                continue
            with self._lock:
                if self._ends.is_set():
                    return
                if self._bar is None:
                    self._bar = self._new(self._stage)
                self._bar.refresh()


@contextmanager
def stages(wanted: bool) -> Iterator[None]:
    """Show on a terminal how far the block is."""
    shown = getattr(sys.stderr, "stream", None) or sys.stderr
    if not wanted or shown is None or not shown.isatty():
        yield
        return
    bar = Stages(shown)
    bar.start()
    try:
        with listening(bar), cleared_by(bar.clear):
            yield
    finally:
        bar.end()
