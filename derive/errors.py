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

import pickle
from collections.abc import Sequence
from typing import Any, ClassVar

from derive.told.secrecy import told
from derive.told.wording import counted


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
