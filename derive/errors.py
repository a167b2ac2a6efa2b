"""The one tree of errors, with the exit code that the command line gives each.

::

    DeriveError
    ├─ UsageError       2  a parameter, flag, keyword or code that cannot be used
    ├─ SourceError      3  not one series, not images, unreadable, wrong class
    ├─ GeometryError    4  not one volume: gaps, tilt, orientation, repeated positions
    ├─ ValuesError      5  values that cannot be read, computed or stored
    ├─ AssembleError    1  an attribute that the object needs cannot be had
    │  └─ MissingAttribute  nobody has a value for it
    ├─ InvalidInstance  1  the checker found errors (``.findings``)
    ├─ OutputError      6  the target cannot be written
    ├─ NetworkError     7  an archive cannot be reached, or refuses
    │  ├─ PartlyStored  8  an archive has some of it and not the rest
    │  └─ NotKnown      9  whether an archive has, or gave, everything cannot be told
    └─ InternalError   70  a fault of this package; the command line says so of whatever nobody expected

Every error carries a stable ``code`` such as ``GEO-GAP``; its text says what, where, found, wanted
and what to change. :mod:`derive.told.secrecy` decides what a text may hold.
"""

from __future__ import annotations

import errno
import pickle
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from derive.told.secrecy import told
from derive.told.wording import counted

#: The error that a function of the user's ended in: its text is the user's own, and said to the user.
OF_THE_USER = "OP-FUNCTION"
#: What libraries say, in words of their own, when there is no memory left.
_NO_MEMORY = """insufficient memory, failed to allocate, bad_alloc, cannot allocate, unable to allocate,
failed to map segment, start new thread, out of memory""".replace("\n", " ").split(", ")
_PACKAGE = Path(__file__).parent


class DeriveError(Exception):
    """Base of every error this package raises on purpose.

    Parameters
    ----------
    code : str
        Stable identifier, e.g. ``GEO-GAP``.
    message : str
        What, where, found, wanted, and what to change.
    facts : Any
        The numbers and names of the message for programs (``--json``).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        message = told(message)
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        """Come back whole from another process, whatever a subclass is made of; facts that cannot come as text."""
        return _restored, (type(self), self.args, {k: _sendable(k, v) for k, v in vars(self).items()})


def _restored(kind: type[DeriveError], arguments: tuple[Any, ...], state: dict[str, Any]) -> DeriveError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


def _sendable(name: str, value: Any) -> Any:
    try:
        pickle.dumps(value)
    except Exception:  # whatever is in it raises what it likes
        return {k: _sendable(k, v) for k, v in value.items()} if name == "facts" else str(value)
    return value


class UsageError(DeriveError):
    """A parameter, flag, keyword or code that cannot be used."""

    exit_code = 2


class SourceError(DeriveError):
    """The input is not one readable series of a supported class."""

    exit_code = 3


class GeometryError(DeriveError):
    """The slices do not make one volume, or two grids do not meet."""

    exit_code = 4


class ValuesError(DeriveError):
    """Pixel values cannot be read, computed or stored without loss beyond what was stated."""

    exit_code = 5


class AssembleError(DeriveError):
    """An attribute of the new object cannot be had by the rule that governs it."""

    exit_code = 1


class MissingAttribute(AssembleError):  # noqa: N818 - it is an attribute that is missing
    """Attributes of type 1 that nobody has a value for; their keywords are in ``.facts``."""


class OutputError(DeriveError):
    """The target folder cannot be written as asked."""

    exit_code = 6


class NetworkError(DeriveError):
    """An archive cannot be reached, refuses the connection, or refuses everything."""

    exit_code = 7


class PartlyStored(NetworkError):  # noqa: N818 - it is a series that is partly stored
    """An archive has some of what was sent and not the rest."""

    exit_code = 8


class NotKnown(NetworkError):  # noqa: N818 - it is the archive's holdings that are not known
    """Whether an archive has, or gave, everything cannot be told: its answers were cut, or it could not be asked."""

    exit_code = 9


class InternalError(DeriveError):
    """Something that nobody expected: a fault of this package, or of a library that it uses."""

    exit_code = 70


class InvalidInstance(DeriveError):  # noqa: N818 - it is an instance that is invalid
    """The checker found errors in what would be written.

    Parameters
    ----------
    findings : sequence of derive.checking.Finding
        All findings, errors first.
    """

    exit_code = 1

    def __init__(self, findings: Sequence[Any]) -> None:
        errors = [f for f in findings if f.severity == "error"]
        shown = "; ".join(str(f) for f in errors[:3])
        more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
        super().__init__("CHK-INVALID", f"{counted(len(errors), 'error')} in the assembled series: {shown}{more}")
        self.findings = tuple(findings)


def as_ours(error: BaseException) -> DeriveError:
    """Return an error of ours as it is, and what another one means: its text may quote a file, and is not repeated."""
    if isinstance(error, DeriveError):
        return error
    where = _where(error)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return OutputError("SYS-FILES", "this process may not open another file; raise the limit (ulimit -n)")
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
        return ValuesError(
            "SYS-MEMORY",
            f"there is not enough memory for this ({where}); take fewer or smaller images at a time, "
            "raise the limit (ulimit -v), or close other programs",
        )
    if isinstance(error, RecursionError):
        return SourceError("SYS-NESTING", f"something is nested too deeply to be read ({where})")
    return InternalError(
        "SYS-UNEXPECTED",
        f"{type(error).__name__} in {where}: this is a fault of derive. With -v it says where it happened: "
        "please report that, it holds no values",
    )


def _where(error: BaseException) -> str:
    """Where in this package an error came up."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_PACKAGE)]
    return f"{Path(frames[-1].filename).relative_to(_PACKAGE.parent)}:{frames[-1].lineno}" if frames else "a library"


def trace_of(error: BaseException) -> str:
    """Return the whole traceback; without the texts of errors that are neither ours nor the user's."""
    cause = error.__cause__
    if isinstance(error, DeriveError) and error.code == OF_THE_USER and cause is not None:
        return "".join(traceback.format_exception(cause))
    lines = [] if cause is None else [trace_of(cause), "which led to\n"]
    text = f": {error}" if isinstance(error, DeriveError) else ""
    return "".join([*lines, *traceback.format_tb(error.__traceback__), f"{type(error).__name__}{text}\n"])
