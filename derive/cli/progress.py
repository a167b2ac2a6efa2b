"""How far it is: a bar on a terminal, for whatever takes longer than a second."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

#: Seconds before anything is shown.
PATIENCE_S = 1.0


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

    def __init__(self, label: str, unit: str = "images", stream: TextIO | None = None) -> None:
        from tqdm import tqdm

        shown = stream or getattr(sys.stderr, "stream", None) or sys.stderr  # a bar moves back, which no text may
        self._bar = tqdm(
            desc=label, unit=f" {unit}", file=shown, delay=PATIENCE_S, disable=None, leave=False, dynamic_ncols=True
        )

    def __call__(self, done: int, count: int) -> None:
        """Tell how many of how many are done; a count of 0 is one that is not known."""
        bar = self._bar
        if done < bar.n:
            bar.reset()  # the next stage has its own rate
        bar.total = count or None
        bar.update(done - bar.n)
        if 0 < count <= done:
            bar.clear()

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line, whatever happened."""
        self._bar.close()
