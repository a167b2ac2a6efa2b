"""What is printed: nothing a terminal would obey, and no traceback because nobody reads it or the disk is full.

File names, answers of archives and texts of errors can hold anything: control characters are written out here, whoever
prints them. Values of files stay out of messages by :mod:`derive.told.secrecy`, where the messages are made.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, cast

from derive.errors import OutputError
from derive.told.secrecy import clean

#: Exit code where a pipe was closed, as that of whatever SIGPIPE ends: 128 and its number.
UNHEARD = 141
#: Packages whose warnings and logs quote values; what of them matters is a finding, or an error of ours.
FOREIGN = (
    "pydicom",
    "pynetdicom",
    "urllib3",
    "requests",
    "nibabel",
    "PIL",
    "matplotlib",
    "numpy",
    "scipy",
    "asyncio",
    "distributed",
    "dask",
    "tornado",
    "bokeh",
)


#: Make room for what is printed: what stands on the terminal and is no text.
_before: list[Callable[[], None]] = []


@contextmanager
def cleared_by(clear: Callable[[], None]) -> Iterator[None]:
    """Call a function in the block before anything is printed."""
    _before.append(clear)
    try:
        yield
    finally:
        _before.remove(clear)


class Unheard(Exception):  # noqa: N818 - it is no error that nobody reads on
    """Whoever read standard output has closed it, as ``head`` does."""


class Shown:
    """A stream that shows texts, in place of ``sys.stdout`` or ``sys.stderr``.

    Parameters
    ----------
    stream : text file, optional
        None where the process was started without.
    must : bool
        Whether it matters that a text arrives: of what goes to standard error it does not.
    """

    def __init__(self, stream: TextIO | None, must: bool) -> None:
        self.stream, self._must = stream, must
        if isinstance(stream, TextIOWrapper):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")  # LANG=C: what it has no characters for

    def __getattr__(self, name: str) -> Any:
        """All else is that of the stream."""
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text, its control characters written out."""
        for clear in _before:
            clear()
        if self.stream is not None:
            with self._guarded():
                self.stream.write(clean(text, kept="\n\t"))
        return len(text)

    def flush(self) -> None:
        """Hand over what was written."""
        if self.stream is not None:
            with self._guarded():
                self.stream.flush()

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return self.stream is not None and self.stream.isatty()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: it is closed
            stream, self.stream = self.stream, None
            _silence(stream)
            if not self._must:
                return
            if isinstance(error, BrokenPipeError) or getattr(error, "errno", None) == errno.EPIPE:
                raise Unheard from None
            why = getattr(error, "strerror", None) or "it is closed"
            raise OutputError(
                "OUT-STDOUT", f"standard output cannot be written: {why}; what was to be printed is lost, and only that"
            ) from None


def _silence(stream: TextIO | None) -> None:
    """Let what is left in the buffer go nowhere: Python would try again at its end, and complain."""
    with suppress(Exception):
        number = cast(TextIO, stream).fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


@contextmanager
def shown_streams() -> Iterator[None]:
    """Show everything that is printed in the block."""
    before = sys.stdout, sys.stderr
    out, err = Shown(before[0], must=True), Shown(before[1], must=False)
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield
        out.flush()
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def quiet_others(verbose: bool) -> Iterator[None]:
    """Say what our own modules and those of the user log and warn of; of other packages nothing."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    handler.addFilter(lambda record: record.name.partition(".")[0] not in FOREIGN)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warned
            yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say a warning of a module of the user's, as Python does; those of packages may quote values."""
    installed = {"site-packages", "dist-packages"} & set(Path(filename).parts)
    ours = Path(filename).is_relative_to(Path(__file__).parents[1])
    if not (installed or ours or filename.startswith("<")):
        sys.stderr.write(f"{Path(filename).name}:{lineno}: {category.__name__}: {message}\n")
