"""New UIDs, one method a role (PS3.5 9, B.2)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray
from pydicom.uid import generate_uid

from derive.errors import UsageError

#: Identifies this implementation in File Meta Information (PS3.7 D.3.3.2; UUID-derived, PS3.5 B.2).
IMPLEMENTATION_CLASS_UID = "2.25.179258866402875963855384090631250297468"
#: A root leaves this many characters for what makes the UID unique.
LONGEST_ROOT = 24


class Uids(Protocol):
    """Where new UIDs come from."""

    def series(self) -> str:
        """Series Instance UID of the result."""
        ...

    def study(self) -> str:
        """Study Instance UID, where the values are of no study yet."""
        ...

    def frame_of_reference(self) -> str:
        """Frame of Reference UID, where the source has none."""
        ...

    def dimension_organization(self) -> str:
        """Dimension Organization UID of the result: how its frames are told apart."""
        ...

    def instance(self, index: int, stored: NDArray[Any]) -> str:
        """SOP Instance UID of one instance, of its index in space and its stored values."""
        ...

    def part(self, whole: str, number: int) -> str:
        """SOP Instance UID of a part of an instance, from 1 on; for 0 the Concatenation UID of the parts."""
        ...


def space_of(series_instance_uid: str, root: str | None = None) -> str:
    """Return the Frame of Reference UID of a series that states none: the same for every result of it.

    Positions of one series are in one space, so results of it can be laid over each other.
    """
    return _hashed(("frame of reference", series_instance_uid), root)


def checked_root(root: str | None) -> str | None:
    """Return an organisation's root, ending in a dot.

    Raises
    ------
    UsageError
        ``UID-PREFIX`` if it is no UID root or leaves too little room.
    """
    if root is None:
        return None
    parts = root.rstrip(".").split(".")
    legal = all(p.isdigit() and (p == "0" or not p.startswith("0")) for p in parts)
    if not legal or len(root) > LONGEST_ROOT or len(parts) < 2:
        raise UsageError(
            "UID-PREFIX",
            f"{root!r} is no UID root: numbers joined by dots, no leading zeros, at most {LONGEST_ROOT} characters",
        )
    return root.rstrip(".") + "."


@dataclass(frozen=True)
class RandomUids:
    """UIDs that nobody has seen before; one series UID for the life of the value."""

    root: str | None = None
    _series: str = field(init=False)
    _frame: str = field(init=False)
    _study: str = field(init=False)
    _dimensions: str = field(init=False)

    def __post_init__(self) -> None:
        for name in ("_series", "_frame", "_study", "_dimensions"):
            object.__setattr__(self, name, generate_uid(self.root))

    def series(self) -> str:
        """Series Instance UID of the result."""
        return self._series

    def study(self) -> str:
        """Study Instance UID, where the values are of no study yet."""
        return self._study

    def frame_of_reference(self) -> str:
        """Frame of Reference UID, where the source has none."""
        return self._frame

    def dimension_organization(self) -> str:
        """Dimension Organization UID of the result."""
        return self._dimensions

    def instance(self, index: int, stored: NDArray[Any]) -> str:
        """SOP Instance UID of one instance."""
        return generate_uid(self.root)

    def part(self, whole: str, number: int) -> str:
        """SOP Instance UID of a part of an instance; for 0 the Concatenation UID of the parts."""
        return generate_uid(self.root)


@dataclass(frozen=True)
class UidsOfSeries(RandomUids):
    """UIDs of a series that is there: its own, so that what follows from it follows again; all others are new."""

    series_instance_uid: str = ""

    def series(self) -> str:
        """Series Instance UID that it has."""
        return self.series_instance_uid


@dataclass(frozen=True)
class ReproducibleUids:
    """UIDs that are the same for the same sources, steps, options, version and pixels, and for nothing else.

    Parameters
    ----------
    facts : sequence of str
        Everything that makes the result what it is, a digest of all its pixels included.
    root : str, optional
    """

    facts: Sequence[str]
    root: str | None = None

    def series(self) -> str:
        """Series Instance UID of the result."""
        return self._derive("series")

    def study(self) -> str:
        """Study Instance UID, where the values are of no study yet."""
        return self._derive("study")

    def frame_of_reference(self) -> str:
        """Frame of Reference UID, where the source has none."""
        return self._derive("frame of reference")

    def dimension_organization(self) -> str:
        """Dimension Organization UID of the result."""
        return self._derive("dimension organization")

    def instance(self, index: int, stored: NDArray[Any]) -> str:
        """SOP Instance UID of one instance, of its index in space and its stored values."""
        return self._derive("instance", str(index), hashlib.sha256(stored.data).hexdigest())

    def part(self, whole: str, number: int) -> str:
        """SOP Instance UID of a part of an instance; for 0 the Concatenation UID of the parts."""
        return self._derive("part", whole, str(number))

    def _derive(self, *role: str) -> str:
        return _hashed((*self.facts, *role), self.root)


def _hashed(facts: Sequence[str], root: str | None) -> str:
    digest = hashlib.sha256("\0".join(facts).encode()).digest()[:16]
    if root is None:
        return f"2.25.{uuid.UUID(bytes=digest, version=5).int}"
    return root + str(int.from_bytes(digest, "big"))[: 64 - len(root)]


@dataclass(frozen=True)
class UidsOfPart:
    """UIDs of one of several series of a result: study and space are those of all of them.

    Parameters
    ----------
    own : Uids
    whole : Uids
    """

    own: Uids
    whole: Uids

    def series(self) -> str:
        """Series Instance UID of this one."""
        return self.own.series()

    def study(self) -> str:
        """Study Instance UID of all of them."""
        return self.whole.study()

    def frame_of_reference(self) -> str:
        """Frame of Reference UID of all of them."""
        return self.whole.frame_of_reference()

    def dimension_organization(self) -> str:
        """Dimension Organization UID of this one."""
        return self.own.dimension_organization()

    def instance(self, index: int, stored: NDArray[Any]) -> str:
        """SOP Instance UID of one instance of this one."""
        return self.own.instance(index, stored)

    def part(self, whole: str, number: int) -> str:
        """SOP Instance UID of a part of an instance of this one."""
        return self.own.part(whole, number)
